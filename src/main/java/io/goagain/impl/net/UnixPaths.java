package io.goagain.impl.net;

import java.io.IOException;
import java.net.ConnectException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;

/** The file of a Unix socket: who may remove it, and when. */
final class UnixPaths {

  private UnixPaths() {}

  /**
   * Removes the socket file that a killed process left behind: nobody listens on it. One that
   * somebody listens on, and anything that is no socket, stays, and the bind fails with EADDRINUSE.
   */
  static void removeStale(String path) throws IOException {
    if (path.startsWith("\0")) {
      return;
    }
    Path file = Path.of(path);
    if (!isSocket(file)) {
      return;
    }
    try (SocketChannel probe = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      probe.connect(UnixDomainSocketAddress.of(file));
    } catch (ConnectException nobodyListens) {
      Files.deleteIfExists(file);
    }
  }

  /**
   * What tells this socket file from another one that was put in its place; null if there is none.
   */
  static Object identity(String path) {
    try {
      return path.startsWith("\0")
          ? null
          : Files.readAttributes(Path.of(path), "unix:dev,ino", LinkOption.NOFOLLOW_LINKS);
    } catch (IOException e) {
      return null;
    }
  }

  /** Removes the path if it is still the file whose {@link #identity} was taken. */
  static void removeIfSame(String path, Object identity) {
    if (identity != null && identity.equals(identity(path))) {
      try {
        Files.deleteIfExists(Path.of(path));
      } catch (IOException e) {
        System.getLogger(UnixPaths.class.getName())
            .log(System.Logger.Level.WARNING, "could not remove the socket file " + path, e);
      }
    }
  }

  private static boolean isSocket(Path file) {
    try {
      int mode = (Integer) Files.getAttribute(file, "unix:mode", LinkOption.NOFOLLOW_LINKS);
      return (mode & 0170000) == 0140000; // S_IFMT, S_IFSOCK: inode(7)
    } catch (IOException e) {
      return false;
    }
  }
}
