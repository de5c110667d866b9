package io.goagain.impl.posix;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import java.util.List;

/** Messages to datagram sockets of this machine: unix(7), sendmsg(2). */
public final class Datagram {

  /** SCM_MAX_FD, unix(7). */
  private static final int MAX_DESCRIPTORS = 253;

  private static final long PATIENCE_SECONDS = 1;

  private Datagram() {}

  /**
   * Sends one message from a socket of its own. Blocks for a second at most, while the queue of the
   * receiver is full.
   *
   * @param path of the receiver's socket, at most 107 bytes; one that begins with {@code @} is an
   *     abstract name
   * @param payload at least one byte: descriptors cannot travel alone
   * @param descriptors the receiver gets duplicates (SCM_RIGHTS); at most 253
   * @throws PosixException ENOENT, ECONNREFUSED if nobody receives there; EACCES; EAGAIN if the
   *     queue stays full; EMSGSIZE; EBADF for a descriptor that is not open; EINVAL for too many;
   *     ENAMETOOLONG; EMFILE
   */
  public static void send(String path, byte[] payload, List<Integer> descriptors)
      throws PosixException {
    String call = "sendmsg(" + path + ")";
    if (descriptors.size() > MAX_DESCRIPTORS) {
      throw new PosixException(call, Errno.EINVAL);
    }
    byte[] address = UnixAddress.of(path.startsWith("@") ? "\0" + path.substring(1) : path, call);
    int fd = LibC.socket(LibC.AF_UNIX, LibC.SOCK_DGRAM | LibC.SOCK_CLOEXEC, 0);
    if (fd == -1) {
      throw LibC.failed("socket(AF_UNIX, SOCK_DGRAM)");
    }
    try (Memory message = message(address, payload, descriptors)) {
      long[] patience = {PATIENCE_SECONDS, 0}; // struct timeval
      if (LibC.setsockopt(fd, LibC.SOL_SOCKET, LibC.SO_SNDTIMEO, patience, 2 * Long.BYTES) == -1) {
        throw LibC.failed("setsockopt(SO_SNDTIMEO)");
      }
      while (LibC.sendmsg(fd, message, LibC.MSG_NOSIGNAL) == -1) {
        PosixException failure = LibC.failed(call);
        // A signal handler of the JVM ran on this thread; with a timeout nobody restarts the call.
        if (failure.errno() != Errno.EINTR) {
          throw failure;
        }
      }
    } finally {
      LibC.close(fd);
    }
  }

  /**
   * struct msghdr (bits/socket.h), and behind it, in one piece of memory, all that it points to.
   */
  private static Memory message(byte[] address, byte[] payload, List<Integer> descriptors) {
    int word = Native.POINTER_SIZE;
    int vector = 7 * word;
    int control = vector + 2 * word;
    int header = 2 * word; // struct cmsghdr: length, level, type
    int controlLength = descriptors.isEmpty() ? 0 : header + descriptors.size() * Integer.BYTES;
    int name = control + align(controlLength);
    int content = name + align(address.length);
    Memory memory = new Memory(content + Math.max(1, payload.length));
    memory.clear();
    memory.setPointer(0, memory.share(name));
    memory.setInt(word, address.length);
    memory.setPointer(2L * word, memory.share(vector));
    memory.setLong(3L * word, 1);
    if (!descriptors.isEmpty()) {
      memory.setPointer(4L * word, memory.share(control));
      memory.setLong(5L * word, align(controlLength));
      memory.setLong(control, controlLength);
      memory.setInt(control + word, LibC.SOL_SOCKET);
      memory.setInt(control + word + Integer.BYTES, LibC.SCM_RIGHTS);
      for (int i = 0; i < descriptors.size(); i++) {
        memory.setInt(control + header + (long) i * Integer.BYTES, descriptors.get(i));
      }
    }
    memory.setPointer(vector, memory.share(content));
    memory.setLong(vector + word, payload.length);
    memory.write(name, address, 0, address.length);
    memory.write(content, payload, 0, payload.length);
    return memory;
  }

  /** CMSG_ALIGN: to the size of a word. */
  private static int align(int length) {
    int word = Native.POINTER_SIZE;
    return (length + word - 1) / word * word;
  }
}
