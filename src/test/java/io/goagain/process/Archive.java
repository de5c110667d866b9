package io.goagain.process;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.TimeUnit;

/**
 * The classes of the examples in an archive of class data, made once for a jar and a JDK: the JVMs
 * of a test live for a second or two, and half of that would be spent on loading them.
 */
final class Archive {

  private Archive() {}

  /** The file; a JVM that finds none there starts without it. */
  static Path of(Path jar) {
    Path directory = jar.getParent();
    Path archive =
        directory.resolve("examples-%s.jsa".formatted(System.getProperty("java.vm.version")));
    if (!Files.exists(jar)) {
      return archive;
    }
    try (FileChannel lock =
            FileChannel.open(
                directory.resolve("examples.jsa.lock"),
                StandardOpenOption.CREATE,
                StandardOpenOption.WRITE);
        FileLock held = lock.lock()) {
      if (!Files.exists(archive)
          || Files.getLastModifiedTime(archive).compareTo(Files.getLastModifiedTime(jar)) < 0) {
        make(jar, archive);
      }
      return archive;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void make(Path jar, Path archive) throws IOException {
    Path made = archive.resolveSibling(archive.getFileName() + ".new");
    Process example =
        new ProcessBuilder(
                AppProcess.java(),
                "-XX:ArchiveClassesAtExit=" + made,
                "-jar",
                jar.toString(),
                "single",
                "--port",
                "0")
            .redirectErrorStream(true)
            .start();
    try (var output = example.inputReader()) {
      for (String line = output.readLine(); line != null; line = output.readLine()) {
        if (line.startsWith("ready ")) {
          example
              .toHandle()
              .destroy(); // SIGTERM: it drains, and the archive is written as it exits
        }
      }
      if (example.waitFor(60, TimeUnit.SECONDS) && Files.exists(made)) {
        Files.move(made, archive, StandardCopyOption.REPLACE_EXISTING);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      example.destroyForcibly();
    }
  }
}
