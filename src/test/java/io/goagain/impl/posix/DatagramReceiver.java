package io.goagain.impl.posix;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * The other end of {@link Datagram}: a Unix datagram socket, as systemd has one for its services.
 */
public final class DatagramReceiver implements AutoCloseable {

  private static final int MSG_CMSG_CLOEXEC = 0x40000000;
  private static final int ROOM = 8192;

  /**
   * @param descriptors belong to whoever received it
   */
  public record Message(String text, List<Integer> descriptors) {}

  private final int fd;

  /**
   * @param path one that begins with NUL is an abstract name
   */
  public DatagramReceiver(String path) throws PosixException {
    fd = TestLibC.socket(LibC.AF_UNIX, LibC.SOCK_DGRAM | LibC.SOCK_CLOEXEC, 0);
    byte[] address = UnixAddress.of(path, "bind()");
    TestLibC.ok(TestLibC.bind(fd, address, address.length), "bind(" + path + ")");
  }

  public Message receive() throws PosixException {
    if (isEmpty(TestLibC.PATIENCE_MILLIS)) {
      throw new AssertionError("no datagram");
    }
    int word = Native.POINTER_SIZE;
    try (Memory message = new Memory(7L * word);
        Memory vector = new Memory(2L * word);
        Memory control = new Memory(ROOM);
        Memory content = new Memory(ROOM)) {
      message.clear();
      message.setPointer(2L * word, vector);
      message.setLong(3L * word, 1);
      message.setPointer(4L * word, control);
      message.setLong(5L * word, control.size());
      vector.setPointer(0, content);
      vector.setLong(word, content.size());
      int length =
          TestLibC.ok((int) TestLibC.recvmsg(fd, message, MSG_CMSG_CLOEXEC), "recvmsg(" + fd + ")");
      List<Integer> descriptors = new ArrayList<>();
      if (message.getLong(5L * word) > 0) {
        long end = control.getLong(0);
        for (long i = 2L * word; i < end; i += Integer.BYTES) {
          descriptors.add(control.getInt(i));
        }
      }
      return new Message(
          new String(content.getByteArray(0, length), StandardCharsets.UTF_8), descriptors);
    }
  }

  /** Whether nothing has come, or comes in this time. */
  public boolean isEmpty(int millis) throws PosixException {
    int[] poll = {fd, TestLibC.POLLIN};
    return TestLibC.ok(TestLibC.poll(poll, 1, millis), "poll(" + fd + ")") == 0;
  }

  @Override
  public void close() throws PosixException {
    Descriptors.close(fd);
  }
}
