package io.goagain.impl.posix;

/** Unix stream sockets step by step: unix(7). */
public final class UnixSockets {

  private UnixSockets() {}

  /**
   * One that is neither bound nor connected, close-on-exec and non-blocking: socket(2).
   *
   * @throws PosixException EMFILE; ENFILE
   */
  public static int open() throws PosixException {
    int type = LibC.SOCK_STREAM | LibC.SOCK_CLOEXEC | LibC.SOCK_NONBLOCK;
    int fd = LibC.socket(LibC.AF_UNIX, type, 0);
    if (fd == -1) {
      throw LibC.failed("socket(AF_UNIX, SOCK_STREAM)");
    }
    return fd;
  }

  /**
   * Before {@link #bind}, the most that the mode of the file will be: Linux makes it with this mode
   * less the umask. Later it has no effect on the file. fchmod(2).
   *
   * @throws PosixException EBADF
   */
  public static void limitMode(int fd, int mode) throws PosixException {
    if (LibC.fchmod(fd, mode) == -1) {
      throw LibC.failed("fchmod(" + fd + ", " + octal(mode) + ")");
    }
  }

  /**
   * bind(2). Nothing is removed to make room for it.
   *
   * @param path in UTF-8, at most 107 bytes; one that begins with NUL is an abstract name
   * @throws PosixException EADDRINUSE, if there is anything at the path; ENOENT; EACCES
   */
  public static void bind(int fd, String path) throws PosixException {
    String call = "bind(" + printable(path) + ")";
    byte[] address = UnixAddress.of(path, call);
    if (LibC.bind(fd, address, address.length) == -1) {
      throw LibC.failed(call);
    }
  }

  /**
   * Lets clients connect: listen(2).
   *
   * @throws PosixException EINVAL if it is not bound
   */
  public static void listen(int fd, int backlog) throws PosixException {
    if (LibC.listen(fd, backlog) == -1) {
      throw LibC.failed("listen(" + fd + ", " + backlog + ")");
    }
  }

  /**
   * connect(2), which never waits here: it is done when this returns.
   *
   * @param fd from {@link #open}
   * @param path as in {@link #bind}
   * @throws PosixException EAGAIN if the listener's backlog is full; ECONNREFUSED if nobody listens
   *     there, or it is no socket; ENOENT; EACCES; EPROTOTYPE for a datagram socket
   */
  public static void connect(int fd, String path) throws PosixException {
    String call = "connect(" + printable(path) + ")";
    byte[] address = UnixAddress.of(path, call);
    if (LibC.connect(fd, address, address.length) == -1) {
      throw LibC.failed(call);
    }
  }

  /**
   * The mode of a file: chmod(2), which follows symbolic links.
   *
   * @throws PosixException ENOENT; EPERM
   */
  public static void changeMode(String path, int mode) throws PosixException {
    if (LibC.chmod(LibC.bytes(path), mode) == -1) {
      throw LibC.failed("chmod(" + path + ", " + octal(mode) + ")");
    }
  }

  /**
   * The group of a file, of a symbolic link itself: fchownat(2).
   *
   * @throws PosixException ENOENT; EPERM if this process is not in that group, nor root
   */
  public static void changeGroup(String path, int gid) throws PosixException {
    byte[] file = LibC.bytes(path);
    int flags = LibC.AT_SYMLINK_NOFOLLOW;
    if (LibC.fchownat(LibC.AT_FDCWD, file, -1, gid, flags) == -1) {
      String group = Integer.toUnsignedString(gid);
      throw LibC.failed("fchownat(" + path + ", -1, " + group + ", AT_SYMLINK_NOFOLLOW)");
    }
  }

  private static String octal(int mode) {
    return "%04o".formatted(mode);
  }

  private static String printable(String path) {
    return path.replace('\0', '@');
  }
}
