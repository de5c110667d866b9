package io.goagain.process;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * The classes of the examples in an archive of class data, made once for a jar and a JDK: the JVMs
 * of a test live for a second or two, and half of that would be spent on loading them.
 */
final class Archive {

  private Archive() {}

  /**
   * The file; a JVM that finds none there starts without it.
   *
   * @param example what loads the classes, once, until it is ready
   */
  static Path of(Path jar, String... example) {
    Path directory = jar.getParent();
    Path archive =
        directory.resolve("%s-%s.jsa".formatted(example[0], System.getProperty("java.vm.version")));
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
        make(jar, archive, example);
      }
      return archive;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void make(Path jar, Path archive, String... example) throws IOException {
    Path made = archive.resolveSibling(archive.getFileName() + ".new");
    List<String> command = new ArrayList<>();
    command.addAll(List.of(AppProcess.java(), "-XX:ArchiveClassesAtExit=" + made));
    command.addAll(List.of("-jar", jar.toString()));
    command.addAll(List.of(example));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    try (var output = process.inputReader()) {
      for (String line = output.readLine(); line != null; line = output.readLine()) {
        if (line.startsWith("ready ")) {
          process.toHandle().destroy(); // SIGTERM: the archive is written as it exits
        }
      }
      if (process.waitFor(60, TimeUnit.SECONDS) && Files.exists(made)) {
        Files.move(made, archive, StandardCopyOption.REPLACE_EXISTING);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      process.destroyForcibly();
    }
  }
}
