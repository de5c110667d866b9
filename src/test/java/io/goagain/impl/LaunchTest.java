package io.goagain.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

@EnabledOnOs(OS.LINUX)
class LaunchTest {

  private final Launch launch = Launch.ofThisProcess();

  @Test
  void argumentsBeginWithTheProgramOfThisProcess() {
    assertFalse(launch.arguments().isEmpty());
    assertTrue(launch.arguments().get(0).endsWith("java"), launch.arguments()::toString);
    ProcessHandle.current()
        .info()
        .arguments()
        .ifPresent(
            known ->
                assertEquals(
                    List.of(known), launch.arguments().subList(1, launch.arguments().size())));
  }

  @Test
  void environmentIsTheOneOfThisProcess() {
    assertEquals(System.getenv("PATH"), launch.environment().get("PATH"));
    assertEquals(System.getenv().keySet(), launch.environment().keySet());
  }

  @Test
  void workingDirectoryIsTheOneOfThisProcess() throws Exception {
    Path directory = Path.of(launch.workingDirectory());
    assertTrue(directory.isAbsolute(), directory::toString);
    assertTrue(Files.isSameFile(Path.of(System.getProperty("user.dir")), directory));
  }

  @Test
  void nothingOfItCanBeChanged() {
    assertThrows(UnsupportedOperationException.class, () -> launch.arguments().add("x"));
    assertThrows(UnsupportedOperationException.class, () -> launch.environment().put("A", "1"));
  }
}
