package io.goagain.impl.posix;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import java.util.ArrayList;
import java.util.List;

/**
 * Sends and receives descriptors on one connected Unix stream socket, each with a byte of its own:
 * sendmsg(2), recvmsg(2), SCM_RIGHTS in unix(7). Not for two threads at once.
 */
public final class DescriptorMessages {

  /** The most that the kernel puts into one message: SCM_MAX_FD. */
  private static final int MAX_DESCRIPTORS = 253;

  private static final int WORD = Native.POINTER_SIZE;

  // struct msghdr, struct iovec, the byte, struct cmsghdr (bits/socket.h,
  // bits/types/struct_iovec.h)
  private static final int VECTOR = 7 * WORD;
  private static final int CONTENT = VECTOR + 2 * WORD;
  private static final int CONTROL = CONTENT + WORD;
  private static final int HEADER = 2 * WORD;

  private final int socket;
  private final Memory outgoing = message(1);
  private final Memory incoming = message(MAX_DESCRIPTORS);

  /** The socket, non-blocking, stays the caller's. */
  public DescriptorMessages(int socket) {
    this.socket = socket;
  }

  private static Memory message(int descriptors) {
    Memory memory = new Memory(CONTROL + HEADER + (long) (descriptors + 1) * Integer.BYTES);
    memory.clear();
    memory.setPointer(2L * WORD, memory.share(VECTOR));
    memory.setLong(3L * WORD, 1);
    memory.setPointer(4L * WORD, memory.share(CONTROL));
    memory.setPointer(VECTOR, memory.share(CONTENT));
    memory.setLong(VECTOR + WORD, 1);
    return memory;
  }

  /**
   * Sends a descriptor, of which the receiver gets a duplicate.
   *
   * @return whether there was room for it
   * @throws PosixException EBADF; EPIPE, ECONNRESET if nobody receives any more; ETOOMANYREFS
   */
  public boolean send(int descriptor) throws PosixException {
    outgoing.setLong(5L * WORD, HEADER + 2L * Integer.BYTES); // CMSG_SPACE of one
    outgoing.setLong(CONTROL, HEADER + Integer.BYTES); // CMSG_LEN of one
    outgoing.setInt(CONTROL + WORD, LibC.SOL_SOCKET);
    outgoing.setInt(CONTROL + WORD + Integer.BYTES, LibC.SCM_RIGHTS);
    outgoing.setInt(CONTROL + HEADER, descriptor);
    while (LibC.sendmsg(socket, outgoing, LibC.MSG_NOSIGNAL) == -1) {
      PosixException failure = LibC.failed("sendmsg(" + socket + ", SCM_RIGHTS)");
      if (failure.errno() == Errno.EAGAIN) {
        return false;
      }
      if (failure.errno() != Errno.EINTR) {
        throw failure;
      }
    }
    return true;
  }

  /**
   * What came with one byte.
   *
   * @param end whether there is nothing more to come, and was no byte
   * @param descriptors close-on-exec, the caller's to close; where the table of this process was
   *     full, fewer than were sent
   */
  public record Received(boolean end, List<Integer> descriptors) {}

  /**
   * Receives a byte and all that came with it.
   *
   * @return null if nothing is there now
   * @throws PosixException ECONNRESET; ENOMEM
   */
  public Received receive() throws PosixException {
    while (true) {
      incoming.setLong(5L * WORD, HEADER + (MAX_DESCRIPTORS + 1L) * Integer.BYTES);
      incoming.setInt(6L * WORD, 0);
      long count = LibC.recvmsg(socket, incoming, LibC.MSG_CMSG_CLOEXEC);
      if (count >= 0) {
        return new Received(count == 0, received());
      }
      PosixException failure = LibC.failed("recvmsg(" + socket + ")");
      if (failure.errno() == Errno.EAGAIN) {
        return null;
      }
      if (failure.errno() != Errno.EINTR) {
        throw failure;
      }
    }
  }

  private List<Integer> received() {
    List<Integer> descriptors = new ArrayList<>(1);
    long filled = incoming.getLong(5L * WORD);
    if (filled >= HEADER
        && incoming.getInt(CONTROL + WORD) == LibC.SOL_SOCKET
        && incoming.getInt(CONTROL + WORD + Integer.BYTES) == LibC.SCM_RIGHTS) {
      long length = incoming.getLong(CONTROL);
      for (long at = HEADER; at + Integer.BYTES <= length; at += Integer.BYTES) {
        descriptors.add(incoming.getInt(CONTROL + at));
      }
    }
    return descriptors;
  }
}
