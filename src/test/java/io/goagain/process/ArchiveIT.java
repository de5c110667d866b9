package io.goagain.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.goagain.load.Load;
import io.goagain.process.AppProcess.Generation;
import io.goagain.process.SingleApp.Starter;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A process leaves an archive, its successors start from it, and a bad one harms nobody. */
@Timeout(300)
class ArchiveIT {

  private static final int RESTARTS = Boolean.getBoolean("goagain.long") ? 18 : 1;
  private static final String MADE = "the next generation will start from ";
  private static final String USED = "the next generation starts from ";

  private static Starter starter() throws IOException {
    Starter starter = SingleApp.starter();
    return starter
        .archives(archives(starter.directory()))
        .workingDirectory(Files.createDirectory(starter.directory().resolve("work")))
        .jvm("-Dgoagain.archive.delay=100");
  }

  private static Path archives(Path directory) {
    return directory.resolve("archives");
  }

  private static List<Path> files(Path directory) throws IOException {
    if (!Files.exists(directory)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(directory)) {
      return files.sorted().toList();
    }
  }

  /** Without the list of what a process loads, which it writes until its end. */
  private static List<Path> archives(SingleApp app) throws IOException {
    return files(archives(app.directory())).stream()
        .filter(file -> !file.toString().endsWith(".classlist"))
        .toList();
  }

  /** Waits for the archive that generation 1 makes once it was asked for something. */
  private static Path awaitArchive(SingleApp app) throws IOException {
    Wire.fetch(app.address("public"), "/");
    app.log("the next generation will start from (\\S+),");
    List<Path> all = files(archives(app.directory()));
    assertEquals(1, all.size(), all::toString);
    return all.get(0);
  }

  private static boolean isMapped(long pid, Path archive) throws IOException {
    return Files.readString(Path.of("/proc/" + pid + "/maps")).contains(archive.toString());
  }

  @Test
  void successorsStartFromItAndMakeBetterOnes() throws Exception {
    try (SingleApp app = starter().start()) {
      Path basic = awaitArchive(app);
      List<String> typed = SingleApp.strings(app.process().newest().pid(), "cmdline");
      assertFalse(isMapped(app.process().newest().pid(), basic));
      Load load = app.load();
      app.restartWell(null);
      assertTrue(isMapped(app.process().newest().pid(), basic));
      app.await("there is a full one", () -> app.count(MADE) == 2);
      List<Path> left = archives(app);
      assertEquals(1, left.size(), left::toString);
      Path full = left.get(0);
      assertTrue(full.toString().contains("-full-"), full::toString);
      app.restartWell(null);
      assertTrue(isMapped(app.process().newest().pid(), full));
      app.await("there is a complete one", () -> app.count(MADE) == 3);
      left = files(archives(app.directory()));
      assertEquals(1, left.size(), left::toString);
      Path complete = left.get(0);
      assertTrue(complete.toString().contains("-complete-"), complete::toString);
      for (int generation = 4; generation <= 3 + RESTARTS; generation++) {
        app.restartWell(null);
        long pid = app.process().newest().pid();
        assertTrue(isMapped(pid, complete));
        // Two more words than were typed, and not more in each generation.
        assertEquals(typed.size() + 2, SingleApp.strings(pid, "cmdline").size());
        app.awaitAlone(pid);
      }
      SingleApp.assertNothingLost(
          load, IntStream.rangeClosed(1, 3 + RESTARTS).boxed().toArray(Integer[]::new));
      assertEquals(2 + RESTARTS, app.count(USED));
      assertEquals(0, app.count("the JVM has rejected"));
      assertEquals(List.of(complete), files(archives(app.directory())));
      assertEquals(List.of(), files(app.directory().resolve("work")));
      // Those of the process that lives.
      List<Path> temporary = files(app.temporaryDirectory());
      assertTrue(temporary.size() <= 2, temporary::toString);
    }
  }

  @Test
  void bothImagesOfTheDoubleStrategyDo() throws Exception {
    try (SingleApp app = starter().option("strategy", "double").start()) {
      Path archive = awaitArchive(app);
      assertEquals(200, app.restart().status());
      assertTrue(isMapped(app.process().awaitReady(3).pid(), archive));
      assertEquals(2, app.count(USED));
    }
  }

  /**
   * One after the other, in the place of one that was good. Nobody asks the successors for
   * anything, so that they make none.
   */
  @Test
  void badArchiveIsAPlainStart() throws Exception {
    try (SingleApp app = starter().start()) {
      Path good = awaitArchive(app);
      Path kept = Files.move(good, app.directory().resolve("kept"));

      Files.copy(kept, good);
      truncate(good);
      startsPlainly(app, good, "the archive " + good + " is damaged");

      Files.copy(kept, good);
      randomize(good);
      startsPlainly(app, good, "the archive " + good + " is damaged");

      // To root, too.
      Files.createDirectory(good);
      startsPlainly(app, good, "the archive " + good + " cannot be read");
      Files.delete(good);

      // Only the checksum fits: it is for the JVM to see that it is no good.
      Path other = archiveOfAnotherJdk(app.directory());
      if (other != null) {
        other = named(good, other);
        startsPlainly(app, other, "the JVM has rejected the archive " + other);
      }

      // The last one, as under load a successor makes an archive.
      Path empty = named(good, Files.createFile(app.directory().resolve("empty")));
      int generation = app.process().newest().generation();
      Load load = app.load();
      startsPlainly(app, empty, "the JVM has rejected the archive " + empty);
      SingleApp.assertNothingLost(load, generation, generation + 1);
    }
  }

  private static void startsPlainly(SingleApp app, Path archive, String line) throws Exception {
    Generation before = app.process().newest();
    final long lines = app.count(line);
    app.process().signal("USR2");
    Generation next = app.process().awaitReady(before.generation() + 1);
    app.handedOver(before);
    assertEquals(lines + 1, app.count(line), () -> app.process().failure("no line").getMessage());
    assertFalse(isMapped(next.pid(), archive));
    app.log("generation %d: predecessor .* is gone".formatted(next.generation()));
  }

  /** Puts a file in the place of an archive. */
  private static Path named(Path archive, Path file) throws IOException {
    CRC32C checksum = new CRC32C();
    checksum.update(Files.readAllBytes(file));
    String end = "-%08x.jsa".formatted(checksum.getValue());
    String name = archive.getFileName().toString().replaceAll("-[0-9a-f]{8}\\.jsa", end);
    return Files.move(file, archive.resolveSibling(name));
  }

  private static Path archiveOfAnotherJdk(Path directory) throws Exception {
    Path own = Path.of(System.getProperty("java.home")).toRealPath();
    Path all = Path.of("/usr/lib/jvm");
    Path other = null;
    if (Files.isDirectory(all)) {
      try (Stream<Path> homes = Files.list(all)) {
        for (Path home : homes.sorted().toList()) {
          if (Files.isExecutable(home.resolve("bin/javac")) && !home.toRealPath().equals(own)) {
            other = home;
          }
        }
      }
    }
    if (other == null) {
      return null;
    }
    Path archive = directory.resolve("other.jsa");
    String java = other.resolve("bin/java").toString();
    assertEquals(
        0,
        new ProcessBuilder(java, "-Xshare:dump", "-XX:SharedArchiveFile=" + archive)
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("other.log").toFile())
            .start()
            .waitFor());
    return archive;
  }

  @Test
  void noArchiveIsLeftOnFullDisk(@TempDir Path archives) throws Exception {
    String small = "size=1m,mode=0700";
    int code = run("mount", "-t", "tmpfs", "-o", small, "goagain", archives.toString());
    assumeTrue(code == 0, "needs root, and the right to mount");
    try {
      try (SingleApp app = starter().archives(archives).start()) {
        Load load = app.load();
        app.log("no archive was made for the next generation: .* wrote no ");
        app.await("what was written is removed", () -> files(archives).isEmpty());
        app.restartWell(null);
        SingleApp.assertNothingLost(load, 1, 2);
        assertEquals(0, app.count(USED));
      }
    } finally {
      assertEquals(0, run("umount", "--lazy", archives.toString()));
    }
  }

  private static int run(String... command) throws Exception {
    return new ProcessBuilder(command).inheritIO().start().waitFor();
  }

  private static void truncate(Path archive) throws IOException {
    assertTrue(archive.toFile().setWritable(true));
    try (FileChannel file = FileChannel.open(archive, StandardOpenOption.WRITE)) {
      file.truncate(file.size() / 2);
    }
  }

  private static void randomize(Path archive) throws IOException {
    byte[] bytes = new byte[Math.toIntExact(Files.size(archive))];
    new Random(1).nextBytes(bytes);
    Files.delete(archive);
    Files.write(archive, bytes);
  }

  @Test
  void newJarIsAnotherProgramAndTwoArchivesAreKept() throws Exception {
    Starter starter = starter();
    Path jar =
        Files.copy(
            AppProcess.examples(),
            starter.directory().resolve("app.jar"),
            StandardCopyOption.COPY_ATTRIBUTES);
    try (SingleApp app = starter.command(AppProcess.java(), jar.toString()).start()) {
      Path first = awaitArchive(app);
      for (int generation = 2; generation <= 3; generation++) {
        Files.setLastModifiedTime(jar, FileTime.fromMillis(generation * 1_000_000L));
        app.restartWell(null);
        assertEquals(generation - 1, app.count("spawned generation"));
        Wire.fetch(app.address("public"), "/");
        int made = generation;
        app.await("archive " + made, () -> app.count(MADE) == made);
      }
      assertEquals(0, app.count(USED), "each was made for another jar");
      List<Path> kept = archives(app);
      assertEquals(2, kept.size(), kept::toString);
      assertFalse(kept.contains(first));
    }
  }

  @Test
  void restartDoesNotWaitForIt() throws Exception {
    try (SingleApp app = starter().start()) {
      Wire.fetch(app.address("public"), "/");
      app.await("it is being made", () -> !files(archives(app.directory())).isEmpty());
      app.restartWell(null);
      app.awaitAlone(app.process().newest().pid());
      // What the one before could not clear up any more, the next archive does.
      Wire.fetch(app.address("public"), "/");
      app.log(MADE);
      List<Path> left = archives(app);
      assertEquals(1, left.size(), left::toString);
    }
  }

  @Test
  void flagsOfTheUserWin() throws Exception {
    try (SingleApp app = starter().jvm("-Xshare:off").start()) {
      Wire.fetch(app.address("public"), "/");
      app.log("no archive is kept: the JVM was started with -Xshare:off");
      app.restartWell(null);
      assertEquals(List.of(), files(archives(app.directory())));
    }
  }

  @Test
  void directoryThatOthersCanWriteToIsRefused() throws Exception {
    Starter starter = starter();
    Path archives = Files.createDirectory(archives(starter.directory()));
    Files.setPosixFilePermissions(archives, PosixFilePermissions.fromString("rwxrwxrwx"));
    try (SingleApp app = starter.start()) {
      Wire.fetch(app.address("public"), "/");
      app.log("no archive is kept: The archive directory .* can be written by others");
      app.restartWell(null);
      assertEquals(List.of(), files(archives));
    }
  }
}
