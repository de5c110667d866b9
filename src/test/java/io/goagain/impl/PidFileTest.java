package io.goagain.impl;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PidFileTest {

  @TempDir Path directory;
  private Path path;
  private PidFile file;

  @BeforeEach
  void name() {
    path = directory.resolve("app.pid");
    file = new PidFile(path.toString(), 4711);
  }

  @Test
  void holdsThePidAndALineFeed() throws Exception {
    file.write();
    assertEquals("4711\n", Files.readString(path));
    assertEquals(List.of(path), contents());
  }

  @Test
  void isReplacedByRename() throws Exception {
    Files.writeString(path, "17\n");
    // A second name for the old file: it would show a write in place.
    Path old = Files.createLink(directory.resolve("old"), path);
    file.write();
    assertEquals("4711\n", Files.readString(path));
    assertEquals("17\n", Files.readString(old));
  }

  @Test
  void whatAKilledProcessOfTheSamePidLeftBehindIsInNobodysWay() throws Exception {
    file.write();
    file.write();
    assertEquals("4711\n", Files.readString(path));
    assertEquals(List.of(path), contents());
  }

  @Test
  void isRemovedWhileItNamesThisProcess() throws Exception {
    file.write();
    file.remove();
    assertEquals(List.of(), contents());
  }

  @Test
  void staysWhenItNamesTheSuccessor() throws Exception {
    file.write();
    new PidFile(path.toString(), 4712).write();
    file.remove();
    assertEquals("4712\n", Files.readString(path));
  }

  @Test
  void staysWhenItHoldsSomethingElse() throws Exception {
    Files.write(path, new byte[] {(byte) 0xff, (byte) 0xfe});
    file.remove();
    assertTrue(Files.exists(path));
  }

  @Test
  void removingWhatIsGoneDoesNothing() {
    assertDoesNotThrow(file::remove);
    assertFalse(Files.exists(path));
  }

  @Test
  void aDirectoryThatIsMissingIsOnlyLogged() throws Exception {
    PidFile nowhere = new PidFile(directory.resolve("gone/app.pid").toString(), 4711);
    assertDoesNotThrow(nowhere::write);
    assertDoesNotThrow(nowhere::remove);
    assertEquals(List.of(), contents());
  }

  @Test
  void aPathThatCannotBeWrittenIsOnlyLoggedAndLeavesNothingBehind() throws Exception {
    Files.createDirectories(path.resolve("not empty"));
    assertDoesNotThrow(file::write);
    assertDoesNotThrow(file::remove);
    assertEquals(List.of(path), contents());
  }

  private List<Path> contents() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.toList();
    }
  }
}
