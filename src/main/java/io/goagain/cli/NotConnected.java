package io.goagain.cli;

import io.vertx.core.http.HttpClosedException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** There is no connection. The message says why, and what to do. */
final class NotConnected extends Exception {

  /** The kernel's sun_path has 108 bytes; the last one is for the end of the string. */
  private static final int LONGEST_PATH = 107;

  /** S_IFMT and S_IFSOCK of inode(7). */
  private static final int FILE_TYPE = 0170000;

  private static final int SOCKET = 0140000;

  private static final String DENIED =
      "permission denied; run this as the user of the service, or as root";

  NotConnected(String path, Throwable cause) {
    super(reason(path, cause), cause);
  }

  /** Nobody needs to try. */
  static boolean isTooLong(String path) {
    return length(path) > LONGEST_PATH;
  }

  private static int length(String path) {
    return path.getBytes(StandardCharsets.UTF_8).length;
  }

  private static String reason(String path, Throwable cause) {
    if (isTooLong(path)) {
      return "its path has %d bytes and the kernel takes %d; name it by a shorter one, such as a"
              .formatted(length(path), LONGEST_PATH)
          + " symbolic link";
    }
    // The connection was there and went before it could be used.
    if (cause instanceof HttpClosedException) {
      return Reason.ENDED;
    }
    String ofFile = reason(Path.of(path));
    if (ofFile != null) {
      return ofFile;
    }
    String message = String.valueOf(cause.getMessage());
    return message.contains("refused")
        ? "nobody listens on that socket any more (connection refused); is the service running?"
        : "the connection could not be made (%s); is the service overloaded?"
            .formatted(Text.oneLine(message));
  }

  /** What can be seen without connecting; null if the file is as it should be. */
  private static String reason(Path path) {
    try {
      int mode = (int) Files.getAttribute(path, "unix:mode");
      if ((mode & FILE_TYPE) != SOCKET) {
        return "that file is no socket; name the control socket of the service";
      }
      return Files.isWritable(path) ? null : DENIED;
    } catch (NoSuchFileException e) {
      return "there is no such file; is the service running, and is this the path of its control"
          + " socket?";
    } catch (AccessDeniedException e) {
      return DENIED;
    } catch (IOException | UnsupportedOperationException e) {
      return null;
    }
  }
}
