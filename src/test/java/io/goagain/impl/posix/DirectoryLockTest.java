package io.goagain.impl.posix;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.SortedMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

@EnabledOnOs(OS.LINUX)
@Timeout(60)
class DirectoryLockTest {

  private static final Duration SHORT = Duration.ofMillis(30);
  private static final Duration LONG = Duration.ofSeconds(30);

  @TempDir private Path directory;

  @Test
  void aSecondOneIsRefusedAfterItsPatienceAndLeavesNothing() throws Exception {
    DirectoryLock first = acquire(SHORT);
    try (first) {
      SortedMap<Integer, String> before = OpenDescriptors.now();
      assertEquals(
          "the directory %s is still locked after 30 ms: \"fuser -v %s\" shows who has it open"
              .formatted(directory, directory),
          assertThrows(IOException.class, () -> acquire(SHORT)).getMessage());
      assertEquals(before, OpenDescriptors.now());
    }
  }

  @Test
  void aSecondOneGetsItWhenTheFirstReleasesIt() throws Exception {
    DirectoryLock first = acquire(SHORT);
    Thread release = new Thread(first::close);
    release.start();
    acquire(LONG).close();
    release.join();
  }

  @Test
  void itIsReleasedThoughSomebodyHasTheDescriptor() throws Exception {
    DirectoryLock first = acquire(SHORT);
    int own =
        OpenDescriptors.now().entrySet().stream()
            .filter(open -> open.getValue().equals(directory.toString()))
            .findFirst()
            .orElseThrow()
            .getKey();
    // As in a child between fork and exec.
    int copy = Descriptors.duplicate(own);
    first.close();
    acquire(SHORT).close();
    Descriptors.close(copy);
  }

  @Test
  void anInterruptEndsTheWait() throws Exception {
    DirectoryLock first = acquire(SHORT);
    try (first) {
      Thread.currentThread().interrupt();
      assertThrows(InterruptedIOException.class, () -> acquire(LONG));
      assertTrue(Thread.interrupted());
    }
  }

  @Test
  void onlyDirectoriesAreLocked() throws Exception {
    Path file = Files.createFile(directory.resolve("file"));
    assertEquals(
        "open(" + file + "): ENOTDIR (Not a directory)",
        assertThrows(
                PosixException.class, () -> DirectoryLock.acquire(file.toString(), SHORT).close())
            .getMessage());
  }

  private DirectoryLock acquire(Duration patience) throws IOException {
    return DirectoryLock.acquire(directory.toString(), patience);
  }
}
