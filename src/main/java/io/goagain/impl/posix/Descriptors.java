package io.goagain.impl.posix;

import com.sun.jna.LastErrorException;
import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.util.ArrayList;
import java.util.List;

/**
 * File descriptors by number. A number that is handed out belongs to the caller, who closes it; one
 * that is passed in stays the caller's.
 */
public final class Descriptors {

  static final int FIRST_AFTER_STANDARD = 3;

  private Descriptors() {}

  /**
   * A second number for the same open file description, close-on-exec and never a standard stream:
   * fcntl(2), F_DUPFD_CLOEXEC. The status flags, O_NONBLOCK among them, are shared between both.
   *
   * @throws PosixException EBADF; EMFILE
   */
  public static int duplicate(int fd) throws PosixException {
    return duplicateAbove(fd, FIRST_AFTER_STANDARD);
  }

  /**
   * As {@link #duplicate}, with the lowest free number that is {@code min} or more.
   *
   * @throws PosixException EBADF; EMFILE; EINVAL if {@code min} is beyond RLIMIT_NOFILE
   */
  public static int duplicateAbove(int fd, int min) throws PosixException {
    int copy = LibC.fcntl(fd, LibC.F_DUPFD_CLOEXEC, min);
    if (copy == -1) {
      throw LibC.failed("fcntl(" + fd + ", F_DUPFD_CLOEXEC, " + min + ")");
    }
    return copy;
  }

  /**
   * close(2). After EINTR and EIO the number is free all the same and must not be closed again;
   * EBADF means that somebody closed it twice, or closed yours.
   *
   * @throws PosixException EBADF; EIO
   */
  public static void close(int fd) throws PosixException {
    if (LibC.close(fd) == -1) {
      PosixException failure = LibC.failed("close(" + fd + ")");
      if (failure.errno() != Errno.EINTR) {
        throw failure;
      }
    }
  }

  /** Whether the number is in use. By the time of the answer another thread may have changed it. */
  public static boolean isOpen(int fd) {
    return LibC.fcntl(fd, LibC.F_GETFD, 0) != -1;
  }

  /**
   * Sets O_NONBLOCK, for every process that shares the description.
   *
   * @throws PosixException EBADF
   */
  public static void setNonBlocking(int fd) throws PosixException {
    int flags = LibC.fcntl(fd, LibC.F_GETFL, 0);
    if (flags == -1) {
      throw LibC.failed("fcntl(" + fd + ", F_GETFL)");
    }
    if (LibC.fcntl(fd, LibC.F_SETFL, flags | LibC.O_NONBLOCK) == -1) {
      throw LibC.failed("fcntl(" + fd + ", F_SETFL, O_NONBLOCK)");
    }
  }

  /**
   * Whether an exec closes this number; unlike O_NONBLOCK this belongs to the number alone.
   *
   * @throws PosixException EBADF
   */
  public static void setCloseOnExec(int fd, boolean on) throws PosixException {
    if (LibC.fcntl(fd, LibC.F_SETFD, on ? LibC.FD_CLOEXEC : 0) == -1) {
      throw LibC.failed("fcntl(" + fd + ", F_SETFD, " + (on ? "FD_CLOEXEC" : "0") + ")");
    }
  }

  /**
   * Two connected Unix stream sockets, close-on-exec and non-blocking: socketpair(2).
   *
   * @throws PosixException EMFILE; ENFILE
   */
  public static int[] socketPair() throws PosixException {
    int[] pair = new int[2];
    int type = LibC.SOCK_STREAM | LibC.SOCK_CLOEXEC | LibC.SOCK_NONBLOCK;
    if (LibC.socketpair(LibC.AF_UNIX, type, 0, pair) == -1) {
      throw LibC.failed("socketpair(AF_UNIX, SOCK_STREAM)");
    }
    return pair;
  }

  /**
   * A Unix stream socket that listens, close-on-exec and non-blocking: socket(2), unix(7), bind(2),
   * listen(2). Nothing is removed to make room for it.
   *
   * @param path in UTF-8, at most 107 bytes; one that begins with NUL is an abstract name
   * @throws PosixException EADDRINUSE, if there is anything at the path; ENOENT; EACCES; EMFILE
   */
  public static int listenUnix(String path, int backlog) throws PosixException {
    int fd = UnixSockets.open();
    try {
      UnixSockets.bind(fd, path);
      UnixSockets.listen(fd, backlog);
    } catch (PosixException e) {
      close(fd);
      throw e;
    }
    return fd;
  }

  /**
   * A file in memory, close-on-exec, without a name in any file system: memfd_create(2).
   *
   * @param name for /proc/PID/fd
   * @throws PosixException EMFILE; ENFILE; ENOMEM
   */
  public static int memoryFile(String name) throws PosixException {
    int fd;
    try (Memory text = new Memory(LibC.bytes(name).length)) {
      text.write(0, LibC.bytes(name), 0, LibC.bytes(name).length);
      fd =
          (int) LibC.syscall(LibC.SYS_memfd_create, Pointer.nativeValue(text), LibC.MFD_CLOEXEC, 0);
    }
    if (fd == -1) {
      throw LibC.failed("memfd_create(" + name + ")");
    }
    return fd;
  }

  /**
   * All numbers in use, ascending: /proc/self/fd, without the one that was open to read it.
   *
   * @throws PosixException EMFILE; ENOENT where /proc is not mounted
   */
  public static List<Integer> open() throws PosixException {
    Pointer directory = LibC.opendir(LibC.bytes("/proc/self/fd"));
    if (directory == null) {
      throw LibC.failed("opendir(/proc/self/fd)");
    }
    try {
      int own = LibC.dirfd(directory);
      List<Integer> numbers = new ArrayList<>();
      for (Pointer e = LibC.readdir(directory); e != null; e = LibC.readdir(directory)) {
        String name = e.getString(LibC.OFFSETOF_D_NAME, "US-ASCII");
        if (!name.startsWith(".") && Integer.parseInt(name) != own) {
          numbers.add(Integer.valueOf(name));
        }
      }
      numbers.sort(null);
      return List.copyOf(numbers);
    } catch (LastErrorException e) {
      throw new PosixException("readdir(/proc/self/fd)", e.getErrorCode());
    } finally {
      LibC.closedir(directory);
    }
  }

  /**
   * The process at the other end of a Unix socket, as {@link PeerCredentials} has it.
   *
   * @return its pid as seen from this pid namespace; -1 where this is not a connected Unix socket,
   *     or the process is not visible from here
   * @throws PosixException EBADF
   */
  public static int peerPid(int fd) throws PosixException {
    try {
      int pid = PeerCredentials.of(fd).pid();
      return pid > 0 ? pid : -1;
    } catch (PosixException e) {
      if (e.errno() == Errno.ENOTSOCK || e.errno() == Errno.ENOTCONN) {
        return -1;
      }
      throw e;
    }
  }

  /**
   * Lets the next exec close every number from {@code first} up: close_range(2), and one by one
   * where the kernel (before 5.11) or a container's filter refuses it. Numbers that other threads
   * open later are not covered.
   *
   * @throws PosixException if /proc/self/fd is needed and cannot be read
   */
  public static void markAllCloseOnExecFrom(int first) throws PosixException {
    long range = LibC.syscall(LibC.SYS_close_range, first, LibC.UINT_MAX, LibC.CLOSE_RANGE_CLOEXEC);
    if (range == -1) {
      markEachCloseOnExecFrom(first);
    }
  }

  static void markEachCloseOnExecFrom(int first) throws PosixException {
    for (int fd : open()) {
      // Only EBADF can come of this: another thread closed the number since it was listed.
      if (fd >= first) {
        LibC.fcntl(fd, LibC.F_SETFD, LibC.FD_CLOEXEC);
      }
    }
  }
}
