package io.goagain.impl;

import static java.lang.System.Logger.Level.WARNING;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** The file that names the newest generation. A failure here is logged, and stops nothing. */
final class PidFile {

  private static final System.Logger LOG = System.getLogger(PidFile.class.getName());

  private final Path path;
  private final String content;

  PidFile(String path, long pid) {
    this.path = Path.of(path).toAbsolutePath();
    this.content = pid + "\n";
  }

  /** By rename, so that whoever reads it sees the old pid or the new one. */
  void write() {
    Path temporary = path.resolveSibling(path.getFileName() + "." + content.trim() + ".tmp");
    try {
      Files.writeString(temporary, content);
      Files.move(
          temporary, path, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      LOG.log(WARNING, "could not write the pid file " + path, e);
      try {
        Files.deleteIfExists(temporary);
      } catch (IOException suppressed) {
        LOG.log(WARNING, "could not remove " + temporary, suppressed);
      }
    }
  }

  /** Only if it still names this process. */
  void remove() {
    try {
      if (Files.exists(path) && Files.readString(path).equals(content)) {
        Files.delete(path);
      }
    } catch (IOException e) {
      LOG.log(WARNING, "could not remove the pid file " + path, e);
    }
  }
}
