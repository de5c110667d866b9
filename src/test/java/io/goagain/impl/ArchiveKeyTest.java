package io.goagain.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Map;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** An archive is for what it was made of, and for nothing else. */
class ArchiveKeyTest {

  private static final String CLASS_PATH = "java.class.path";

  private final String ownClassPath = System.getProperty(CLASS_PATH);
  @TempDir private Path directory;
  private Path app;
  private Path library;

  @BeforeEach
  void program() throws IOException {
    app = jar("app.jar", "library.jar  missing.jar");
    library = jar("library.jar", null);
    System.setProperty(CLASS_PATH, "app.jar");
  }

  @AfterEach
  void ownClassPath() {
    System.setProperty(CLASS_PATH, ownClassPath);
  }

  private Path jar(String name, String classPath) throws IOException {
    Manifest manifest = new Manifest();
    manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
    if (classPath != null) {
      manifest.getMainAttributes().put(Attributes.Name.CLASS_PATH, classPath);
    }
    Path jar = directory.resolve(name);
    new JarOutputStream(Files.newOutputStream(jar), manifest).close();
    return jar;
  }

  private Launch launch(String... arguments) {
    return new Launch(List.of(arguments), directory.toString(), Map.of());
  }

  private ArchiveKey key() throws IOException {
    return ArchiveKey.of(launch("java", "-jar", "app.jar"), List.of("-Xmx64m"));
  }

  private void assertAnotherVersion(ArchiveKey before) throws IOException {
    ArchiveKey now = key();
    assertEquals(before.program(), now.program());
    assertNotEquals(before.key(), now.key());
  }

  private static void touch(Path file) throws IOException {
    Files.setLastModifiedTime(file, FileTime.fromMillis(1_000_000));
  }

  @Test
  void sameFilesAreTheSame() throws IOException {
    assertEquals(key(), key());
  }

  @Test
  void anotherJarIsAnotherVersion() throws IOException {
    ArchiveKey before = key();
    touch(app);
    assertAnotherVersion(before);
  }

  @Test
  void jarThatTheManifestNamesCounts() throws IOException {
    ArchiveKey before = key();
    touch(library);
    assertAnotherVersion(before);
  }

  @Test
  void missingJarThatAppearsCounts() throws IOException {
    ArchiveKey before = key();
    jar("missing.jar", null);
    assertAnotherVersion(before);
  }

  @Test
  void newManifestIsRead() throws IOException {
    ArchiveKey before = key();
    jar("app.jar", "another.jar");
    touch(app);
    assertAnotherVersion(before);
    before = key();
    jar("another.jar", null);
    assertAnotherVersion(before);
  }

  @Test
  void whatElseIsInTheDirectoryDoesNotCount() throws IOException {
    ArchiveKey before = key();
    Files.createFile(directory.resolve("app.log"));
    touch(directory);
    assertEquals(before, key());
  }

  @Test
  void anotherFlagIsAnotherVersion() throws IOException {
    ArchiveKey before = key();
    ArchiveKey now = ArchiveKey.of(launch("java", "-jar", "app.jar"), List.of("-Xmx65m"));
    assertEquals(before.program(), now.program());
    assertNotEquals(before.key(), now.key());
  }

  @Test
  void otherArgumentsAreAnotherProgram() throws IOException {
    ArchiveKey other = ArchiveKey.of(launch("java", "-jar", "app.jar", "-v"), List.of("-Xmx64m"));
    assertNotEquals(key().program(), other.program());
  }

  @Test
  void argumentsAreNotJoined() throws IOException {
    assertNotEquals(
        ArchiveKey.of(launch("java", "ab", "c"), List.of()).program(),
        ArchiveKey.of(launch("java", "a", "bc"), List.of()).program());
  }

  @Test
  void classesInDirectoriesCannotBeArchived() throws IOException {
    Path classes = Files.createDirectory(directory.resolve("classes"));
    System.setProperty(CLASS_PATH, "app.jar" + File.pathSeparator + "classes");
    IOException e = assertThrows(IOException.class, this::key);
    assertTrue(e.getMessage().contains(classes.toString()), e::getMessage);
  }

  @Test
  void whatIsNoJarIsTold() throws IOException {
    Files.writeString(library, "no jar");
    System.setProperty(CLASS_PATH, "library.jar");
    assertThrows(IOException.class, this::key);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "-Xshare:off",
        "-XX:SharedArchiveFile=/x.jsa",
        "-XX:AOTCache=/x.aot",
        "-XX:+AOTClassLinking",
        "-javaagent:/a.jar",
        "@arguments"
      })
  void obstacles(String flag) {
    assertEquals(flag, ArchiveKey.obstacle(List.of("-Xmx64m", flag)));
  }

  @Test
  void otherFlagsAreNoObstacle() {
    assertNull(ArchiveKey.obstacle(List.of("-Xmx64m", "-XX:+UseZGC", "-Dapp=1", "-Xss1m")));
  }
}
