package io.goagain.impl.posix;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** What only the tests need of libc: sockets in every state, pipes, and signals set badly. */
final class TestLibC {

  static final int SIG_BLOCK = 0;
  static final int SIG_UNBLOCK = 1;
  static final long SIG_DFL = 0;
  static final long SIG_IGN = 1;

  // linux/prctl.h, sys/wait.h, bits/waitflags.h
  private static final int PR_SET_CHILD_SUBREAPER = 36;
  private static final int P_PID = 1;
  private static final int WEXITED = 4;
  private static final int WNOWAIT = 0x0100_0000;
  private static final int SIZEOF_SIGINFO = 128;

  static final int POLLIN = 1;
  static final int PATIENCE_MILLIS = 20_000;

  static {
    Native.register("c");
  }

  private TestLibC() {}

  static native int socket(int domain, int type, int protocol);

  static native int bind(int fd, byte[] address, int length);

  static native int listen(int fd, int backlog);

  static native int connect(int fd, byte[] address, int length);

  static native int getsockname(int fd, byte[] address, int[] length);

  static native int pipe2(int[] fds, int flags);

  static native int open(byte[] path, int flags, int mode);

  static native int dup2(int from, int to);

  static native long read(int fd, byte[] bytes, long count);

  static native long recvmsg(int fd, Pointer message, int flags);

  /** struct pollfd is an int and two shorts; both machines are little-endian. */
  static native int poll(int[] fds, long count, int millis);

  static native int pthread_sigmask(int how, Pointer set, Pointer old);

  static native long signal(int number, long handler);

  static native int sigaddset(Pointer set, int number);

  static native int prctl(int option, long second, long third, long fourth, long fifth);

  static native int waitid(int idType, int id, byte[] info, int options);

  /** Whether orphans among the descendants of this process become its children: prctl(2). */
  static void setSubreaper(boolean on) throws PosixException {
    ok(prctl(PR_SET_CHILD_SUBREAPER, on ? 1 : 0, 0, 0, 0), "prctl(PR_SET_CHILD_SUBREAPER)");
  }

  /** Waits until a child has ended, and leaves it a zombie. */
  static void awaitZombie(int pid) throws PosixException {
    ok(waitid(P_PID, pid, new byte[SIZEOF_SIGINFO], WEXITED | WNOWAIT), "waitid(" + pid + ")");
  }

  static int ok(int result, String call) throws PosixException {
    if (result == -1) {
      throw LibC.failed(call);
    }
    return result;
  }

  /** Blocking, close-on-exec: read end, write end. */
  static int[] pipe() throws PosixException {
    int[] ends = new int[2];
    ok(pipe2(ends, 0x80000), "pipe2()");
    return ends;
  }

  static int openForWriting(String path) throws PosixException {
    return ok(open(LibC.bytes(path), 0x80001, 0), "open(" + path + ")");
  }

  /**
   * All until the last writer has closed; closes the descriptor. Fails where a writer is left over,
   * as a leaked descriptor is.
   */
  static String readAll(int fd) throws PosixException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    byte[] bytes = new byte[4096];
    try {
      while (true) {
        int ready = ok(poll(new int[] {fd, POLLIN}, 1, PATIENCE_MILLIS), "poll(" + fd + ")");
        assertEquals(1, ready, () -> "no end of input after: " + all);
        int n = ok((int) read(fd, bytes, bytes.length), "read(" + fd + ")");
        if (n == 0) {
          return all.toString(StandardCharsets.UTF_8);
        }
        all.write(bytes, 0, n);
      }
    } finally {
      Descriptors.close(fd);
    }
  }
}
