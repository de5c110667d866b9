package io.goagain.impl.posix;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** struct sockaddr_un (sys/un.h), to be passed to the kernel. */
final class UnixAddress {

  /** sizeof sun_path, less the NUL. */
  private static final int MAX_PATH = 107;

  private UnixAddress() {}

  /**
   * Family in 2 bytes, then the path. An abstract name ends with the length, any other with a NUL.
   *
   * @param path one that begins with NUL is an abstract name
   * @param call for the exception
   * @throws PosixException ENAMETOOLONG, also for one that is empty
   */
  static byte[] of(String path, String call) throws PosixException {
    byte[] name = path.getBytes(StandardCharsets.UTF_8);
    if (name.length == 0 || name.length > MAX_PATH) {
      throw new PosixException(call, Errno.ENAMETOOLONG);
    }
    ByteBuffer address =
        ByteBuffer.allocate(2 + name.length + (name[0] == 0 ? 0 : 1))
            .order(ByteOrder.nativeOrder());
    return address.putShort((short) LibC.AF_UNIX).put(name).array();
  }
}
