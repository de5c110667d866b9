package io.goagain.impl.net;

import io.goagain.impl.posix.Descriptors;
import io.goagain.impl.posix.DirectoryLock;
import io.goagain.impl.posix.Errno;
import io.goagain.impl.posix.PosixException;
import io.goagain.impl.posix.UnixSockets;
import io.goagain.impl.posix.Users;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.OptionalInt;

/**
 * A Unix socket whose file lets nobody in who is not meant to, from the moment it exists.
 *
 * <p>What it relies on: that only root and this user can put something else at the path, for which
 * it looks at the directory, but not at those above it; and that whoever makes and removes this
 * file holds the lock of the directory, as this class does.
 */
public final class SecuredUnixSocket {

  /** sizeof sun_path, less the NUL: unix(7). */
  private static final int MAX_PATH = 107;

  /** Whoever holds the lock does what {@link #listenUnlessLive} does, and none of that waits. */
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private static final int OWNER_ONLY = 0600;

  // inode(7)
  private static final int S_IFMT = 0170000;
  private static final int S_IFSOCK = 0140000;
  private static final int S_IFLNK = 0120000;
  private static final int STICKY = 01000;
  private static final int WRITABLE_BY_OTHERS = 0022;
  private static final int PERMISSIONS = 07777;

  private SecuredUnixSocket() {}

  /**
   * Listens at a path, unless somebody does so already: they see one connection, which is closed at
   * once. Blocks for five seconds at most, while another process does the same in that directory.
   *
   * <p>A socket that nobody listens on any more is removed; anything else at the path stays, and is
   * an error. When this fails, it leaves nothing behind.
   *
   * @param path absolute, at most 107 bytes of UTF-8
   * @param mode of the file; until it is complete, it is 0600 or less
   * @param groupOrNull of the file, by name or number; null for what the system gives it
   * @return the descriptor of a listening stream socket, close-on-exec and non-blocking, which is
   *     the caller's; or empty, if somebody listens there
   * @throws IllegalArgumentException if there is no such group, or the mode is none
   * @throws IOException with a sentence that tells what to do
   */
  public static OptionalInt listenUnlessLive(String path, int mode, String groupOrNull, int backlog)
      throws IOException {
    if ((mode & ~0777) != 0) {
      throw new IllegalArgumentException("mode " + octal(mode) + ": 0777 at most");
    }
    OptionalInt group =
        groupOrNull == null ? OptionalInt.empty() : OptionalInt.of(Users.gidOf(groupOrNull));
    Path file = check(path);
    while (true) {
      Path directory = directoryOf(file);
      Object identity = UnixPaths.identity(directory.toString());
      DirectoryLock lock = lock(file, directory);
      try (lock) {
        // systemd removes a RuntimeDirectory= and makes it again: then we hold the wrong one.
        if (identity != null && identity.equals(UnixPaths.identity(directory.toString()))) {
          requireSafe(file, directory);
          return makeRoom(file)
              ? OptionalInt.of(listen(file, mode, group, backlog))
              : OptionalInt.empty();
        }
      }
    }
  }

  /** The path, if the kernel and the JDK will mean the same file by it. */
  private static Path check(String path) throws IOException {
    String shown = path.replace("\0", "\\0");
    if (path.indexOf('\0') >= 0) {
      throw new IOException("the path of the socket %s has a NUL in it".formatted(shown));
    }
    int length = path.getBytes(StandardCharsets.UTF_8).length;
    if (length > MAX_PATH) {
      throw new IOException(
          ("the path of the socket %s has %d bytes, and %d is what the kernel takes: choose "
                  + "a shorter one")
              .formatted(shown, length, MAX_PATH));
    }
    Path file;
    try {
      file = Path.of(path);
    } catch (InvalidPathException e) {
      throw new IOException(
          "the path of the socket %s cannot be a file's (%s); beyond ASCII, LC_ALL=C.UTF-8 may help"
              .formatted(shown, e.getReason()),
          e);
    }
    if (!file.isAbsolute() || file.getFileName() == null) {
      throw new IOException(
          "the path of the socket \"%s\" must be absolute, as in /run/app/control.sock"
              .formatted(shown));
    }
    // The JDK encodes names of files as the locale says, and the socket's address is UTF-8.
    boolean ascii = length == path.length();
    if (!ascii && !"UTF-8".equalsIgnoreCase(System.getProperty("sun.jnu.encoding"))) {
      throw new IOException(
          "the path of the socket %s is not ASCII, and the locale is not UTF-8: set LC_ALL=C.UTF-8"
              .formatted(shown));
    }
    return file;
  }

  private static Path directoryOf(Path file) throws IOException {
    try {
      return file.getParent().toRealPath();
    } catch (NoSuchFileException e) {
      throw new IOException(
          ("the directory %s of the socket %s does not exist: create it, or let systemd do "
                  + "so with RuntimeDirectory=")
              .formatted(file.getParent(), file.getFileName()),
          e);
    }
  }

  private static DirectoryLock lock(Path file, Path directory) throws IOException {
    try {
      return DirectoryLock.acquire(directory.toString(), PATIENCE);
    } catch (PosixException e) {
      throw new IOException(
          "the directory %s of the socket %s cannot be locked: %s"
              .formatted(directory, file.getFileName(), e.getMessage()),
          e);
    }
  }

  /** Refuses a directory where others could replace the socket by one of theirs. */
  private static void requireSafe(Path file, Path directory) throws IOException {
    Map<String, Object> facts = Files.readAttributes(directory, "unix:mode,uid");
    int mode = (Integer) facts.get("mode");
    int owner = (Integer) facts.get("uid");
    int user = Users.effectiveUser();
    String refused =
        "the directory %s of the socket %s, mode %s, owner uid %s, is not safe: "
            .formatted(
                directory,
                file.getFileName(),
                octal(mode & PERMISSIONS),
                Integer.toUnsignedString(owner));
    if (owner != 0 && owner != user) {
      throw new IOException(
          refused
              + ("it must belong to root or to this process's user, uid %s; chown it, or choose "
                      + "another one")
                  .formatted(Integer.toUnsignedString(user)));
    }
    if ((mode & WRITABLE_BY_OTHERS) != 0 && (mode & STICKY) == 0) {
      throw new IOException(refused + "others can write it; chmod go-w it, or choose another one");
    }
  }

  /** Removes a stale socket; false if somebody listens. */
  private static boolean makeRoom(Path file) throws IOException {
    Object identity = UnixPaths.identity(file.toString());
    int type;
    try {
      type = (Integer) Files.getAttribute(file, "unix:mode", LinkOption.NOFOLLOW_LINKS) & S_IFMT;
    } catch (NoSuchFileException e) {
      return true;
    }
    if (type != S_IFSOCK) {
      throw new IOException(
          "there is %s at %s, where a socket is wanted: remove it, or choose another path"
              .formatted(type == S_IFLNK ? "a symbolic link" : "something else", file));
    }
    int probe = UnixSockets.open();
    try {
      UnixSockets.connect(probe, file.toString());
      return false;
    } catch (PosixException e) {
      switch (e.errno()) {
        case Errno.EAGAIN -> { // it listens, and its backlog is full
          return false;
        }
        case Errno.ENOENT -> { // whoever listened has just ended
          return true;
        }
        case Errno.ECONNREFUSED -> removeStale(file, identity);
        case Errno.EACCES ->
            throw new IOException(
                ("there is a socket at %s that this process's user, uid %s, may not connect to: "
                        + "remove it, or choose another path (%s)")
                    .formatted(
                        file, Integer.toUnsignedString(Users.effectiveUser()), e.getMessage()),
                e);
        default ->
            throw new IOException(
                "cannot find out who listens at %s: %s".formatted(file, e.getMessage()), e);
      }
      return true;
    } finally {
      Descriptors.close(probe);
    }
  }

  /** Leaves one that was put in its place since; then bind(2) says so. */
  private static void removeStale(Path file, Object identity) throws IOException {
    if (identity != null && identity.equals(UnixPaths.identity(file.toString()))) {
      try {
        Files.deleteIfExists(file);
      } catch (IOException e) {
        throw new IOException(
            "nobody listens at %s any more, but this process may not remove the socket: %s"
                .formatted(file, e),
            e);
      }
    }
  }

  private static int listen(Path file, int mode, OptionalInt group, int backlog)
      throws IOException {
    String path = file.toString();
    int fd = UnixSockets.open();
    Object identity = null;
    boolean complete = false;
    try {
      UnixSockets.limitMode(fd, OWNER_ONLY);
      UnixSockets.bind(fd, path);
      identity = UnixPaths.identity(path);
      // The group first: the mode may let the wrong one in.
      if (group.isPresent()) {
        changeGroup(path, group.getAsInt());
      }
      int actual = (Integer) Files.getAttribute(file, "unix:mode", LinkOption.NOFOLLOW_LINKS);
      if ((actual & PERMISSIONS) != mode) {
        UnixSockets.changeMode(path, mode);
      }
      // Last: until now, whoever could connect was refused.
      UnixSockets.listen(fd, backlog);
      complete = true;
      return fd;
    } finally {
      if (!complete) {
        UnixPaths.removeIfSame(path, identity);
        Descriptors.close(fd);
      }
    }
  }

  private static void changeGroup(String path, int group) throws IOException {
    try {
      UnixSockets.changeGroup(path, group);
    } catch (PosixException e) {
      throw new IOException(
          ("the socket %s cannot be given to the group %s, of which this process must be a "
                  + "member: %s")
              .formatted(path, Integer.toUnsignedString(group), e.getMessage()),
          e);
    }
  }

  private static String octal(int mode) {
    return "%04o".formatted(mode);
  }
}
