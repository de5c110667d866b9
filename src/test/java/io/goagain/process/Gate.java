package io.goagain.process;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;

/** Where a process waits until the test lets it go on: a line that it reads from a FIFO. */
final class Gate implements AutoCloseable {
  private final Path path;
  private final RandomAccessFile held;

  private Gate(Path path) throws IOException {
    this.path = path;
    // Both ends, so that opening it waits for nobody.
    this.held = new RandomAccessFile(path.toFile(), "rw");
  }

  static Gate in(SingleApp app) throws IOException, InterruptedException {
    return in(app.directory());
  }

  static Gate in(Path directory) throws IOException, InterruptedException {
    Path path = Files.createTempDirectory(directory, "gate").resolve("fifo");
    assertEquals(0, new ProcessBuilder("mkfifo", path.toString()).start().waitFor());
    return new Gate(path);
  }

  /** The line of a script that waits. */
  String await() {
    return "read -r line < " + path;
  }

  /** Lets one process go on, whether it waits already or not. */
  void open() throws IOException {
    held.write("go on\n".getBytes(US_ASCII));
  }

  @Override
  public String toString() {
    return path.toString();
  }

  @Override
  public void close() throws IOException {
    held.close();
  }
}
