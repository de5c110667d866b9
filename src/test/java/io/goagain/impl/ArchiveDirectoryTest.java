package io.goagain.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.RestartOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where archives are, and where they must not be: what is in them is executed. */
class ArchiveDirectoryTest {

  @TempDir private Path temporary;
  private Path directory;

  @BeforeEach
  void realPath() throws IOException {
    directory = temporary.toRealPath();
  }

  private Path find(RestartOptions options, Map<String, String> environment) throws IOException {
    return ArchiveDirectory.find(
        options, new Launch(List.of("java"), directory.toString(), environment));
  }

  private static RestartOptions named(Object path) {
    return new RestartOptions().setArchiveDirectory(path.toString());
  }

  private static String mode(Path file) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
  }

  @Test
  void namedOneIsMadeForThisUserAlone() throws IOException {
    Path archives = directory.resolve("a/b");
    assertEquals(archives, find(named("a/b"), Map.of("XDG_CACHE_HOME", directory.toString())));
    assertEquals("rwx------", mode(archives));
  }

  @Test
  void systemdsCacheIsFirst() throws IOException {
    Path systemd = Files.createDirectory(directory.resolve("systemd"));
    Map<String, String> environment =
        Map.of(
            "CACHE_DIRECTORY", systemd + ":" + directory.resolve("second"),
            "XDG_CACHE_HOME", directory.toString(),
            "HOME", directory.toString());
    assertEquals(systemd.resolve("goagain"), find(new RestartOptions(), environment));
  }

  @Test
  void thenTheUsersCache() throws IOException {
    Map<String, String> environment =
        Map.of("XDG_CACHE_HOME", directory.toString(), "HOME", "/nowhere");
    assertEquals(directory.resolve("goagain"), find(new RestartOptions(), environment));
  }

  @Test
  void thenTheOneInTheHome() throws IOException {
    Map<String, String> environment = Map.of("HOME", directory.toString());
    assertNull(find(new RestartOptions(), environment), "a cache is not made for this alone");
    Files.createDirectory(directory.resolve(".cache"));
    assertEquals(directory.resolve(".cache/goagain"), find(new RestartOptions(), environment));
  }

  @Test
  void noneWithoutCache() throws IOException {
    assertNull(find(new RestartOptions(), Map.of()));
    assertNull(find(new RestartOptions(), Map.of("HOME", "", "XDG_CACHE_HOME", "")));
  }

  @Test
  void whereOthersWriteIsRefused() throws IOException {
    Path shared = Files.createDirectory(directory.resolve("goagain"));
    Files.setPosixFilePermissions(shared, PosixFilePermissions.fromString("rwxrwx---"));
    IOException e = assertThrows(IOException.class, () -> find(named(shared), Map.of()));
    assertTrue(e.getMessage().contains(shared.toString()), e::getMessage);
    assertTrue(e.getMessage().contains("rwxrwx---"), e::getMessage);
    // Nobody has named it: no error, and no archive.
    assertNull(find(new RestartOptions(), Map.of("XDG_CACHE_HOME", directory.toString())));
  }

  @Test
  void behindSymbolicLinkTheDirectoryCounts() throws IOException {
    Path shared = Files.createDirectory(directory.resolve("shared"));
    Files.setPosixFilePermissions(shared, PosixFilePermissions.fromString("rwxrwxrwx"));
    Path link = Files.createSymbolicLink(directory.resolve("link"), shared);
    IOException e = assertThrows(IOException.class, () -> find(named(link), Map.of()));
    assertTrue(e.getMessage().contains(shared.toString()), e::getMessage);
  }

  @Test
  void fileIsRefused() throws IOException {
    Path file = Files.createFile(directory.resolve("file"));
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    IOException e = assertThrows(IOException.class, () -> find(named(file), Map.of()));
    assertTrue(e.getMessage().contains("no directory"), e::getMessage);
    assertFalse(Files.isDirectory(file));
  }
}
