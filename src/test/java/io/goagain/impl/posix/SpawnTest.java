package io.goagain.impl.posix;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.jna.Memory;
import io.goagain.impl.posix.Spawn.Abilities;
import io.goagain.impl.posix.Spawn.Command;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@EnabledOnOs(OS.LINUX)
@Timeout(120)
class SpawnTest {

  private static final Abilities LIBC = Abilities.ofLibC();
  private static final Abilities WITHOUT_CLOSE_FROM = new Abilities(LIBC.changeDirectory(), false);

  /**
   * The numbers that the shell itself holds. The shell's own look at the directory is in its list,
   * but no longer open when it is tested, and {@code exec}, unlike a redirected command, keeps no
   * copy of the old 1.
   */
  static final String LIST_DESCRIPTORS =
      "exec >&3; for f in /proc/$$/fd/*; do if [ -e \"$f\" ]; then echo ${f##*/}; fi; done";

  static List<Abilities> paths() {
    return LIBC.closeFrom() ? List.of(LIBC, WITHOUT_CLOSE_FROM) : List.of(WITHOUT_CLOSE_FROM);
  }

  @BeforeAll
  static void loadClasses() throws Exception {
    // So that jars that are opened for them do not look like leaks.
    for (Abilities path : paths()) {
      assertEquals("", run(path, List.of(), null, "true"));
      assertThrows(PosixException.class, () -> Spawn.spawn(command("/nowhere", "/", "sh"), path));
    }
  }

  @ParameterizedTest
  @MethodSource("paths")
  void childHoldsTheStandardStreamsAndWhatItIsHanded(Abilities path) throws Exception {
    int extra = Descriptors.duplicate(1);
    int[] leaky = TestLibC.pipe();
    // As JDK and Netty sockets are.
    Descriptors.setCloseOnExec(leaky[0], false);
    Descriptors.setCloseOnExec(leaky[1], false);
    assertEquals("0\n1\n2\n3\n", run(path, List.of(), null, LIST_DESCRIPTORS));
    assertEquals("0\n1\n2\n3\n4\n5\n", run(path, List.of(extra, extra), null, LIST_DESCRIPTORS));
    assertTrue(Descriptors.isOpen(extra));
    for (int fd : List.of(extra, leaky[0], leaky[1])) {
      Descriptors.close(fd);
    }
  }

  @ParameterizedTest
  @MethodSource("paths")
  void descriptorsComeInTheirOrder(Abilities path) throws Exception {
    int[] first = TestLibC.pipe();
    int[] second = TestLibC.pipe();
    // Descending, so that the order cannot come about by itself.
    int pid =
        Spawn.spawn(shell(List.of(second[1], first[1]), "echo three >&3; echo four >&4"), path);
    Descriptors.close(first[1]);
    Descriptors.close(second[1]);
    assertEquals("three\n", TestLibC.readAll(second[0]));
    assertEquals("four\n", TestLibC.readAll(first[0]));
    assertEquals(0, Processes.waitFor(pid).code());
  }

  /**
   * Source a becomes number b and source b number a. Numbers 3 and 4 are the JVM's here, so the
   * list is made long enough that its targets reach two numbers of ours.
   */
  @ParameterizedTest
  @MethodSource("paths")
  void sourcesMayCollideWithTargets(Abilities path) throws Exception {
    int[] one = TestLibC.pipe();
    int[] two = TestLibC.pipe();
    int devNull = TestLibC.openForWriting("/dev/null");
    int a = one[1];
    int b = two[1];
    List<Integer> sources = new ArrayList<>(Collections.nCopies(Math.max(a, b) - 2, devNull));
    sources.set(a - 3, b);
    sources.set(b - 3, a);
    // By path, as >&N takes a single digit only in some shells.
    String script = "echo to-%d >/proc/$$/fd/%d; echo to-%d >/proc/$$/fd/%d".formatted(a, a, b, b);
    int pid = Spawn.spawn(shell(sources, script), path);
    for (int fd : List.of(a, b, devNull)) {
      Descriptors.close(fd);
    }
    assertEquals("to-" + b + "\n", TestLibC.readAll(one[0]));
    assertEquals("to-" + a + "\n", TestLibC.readAll(two[0]));
    assertEquals(0, Processes.waitFor(pid).code());
  }

  @Test
  void handedSocketKeepsItsPeer() throws Exception {
    int[] pair = Descriptors.socketPair();
    int pid = Spawn.spawn(shell(List.of(pair[1]), "echo hello >&3"));
    Descriptors.close(pair[1]);
    assertEquals(0, Processes.waitFor(pid).code());
    assertEquals("hello\n", TestLibC.readAll(pair[0]));
  }

  @ParameterizedTest
  @MethodSource("paths")
  void argumentsEnvironmentAndDirectoryArePassedAsTheyAre(Abilities path, @TempDir Path directory)
      throws Exception {
    int[] pipe = TestLibC.pipe();
    String script =
        "{ tr '\\0' '\\n' </proc/$$/cmdline; tr '\\0' '\\n' </proc/$$/environ; pwd -P; }";
    Command command =
        new Command(
            "/bin/sh",
            List.of("-its own name", "-c", script + " >&3", "", "gr\u00fc\u00df"),
            List.of("PATH=/usr/bin:/bin", "EMPTY=", "A=b=c d", "\u00dc=\u20ac"),
            directory.toString(),
            List.of(pipe[1]));
    int pid = Spawn.spawn(command, path);
    Descriptors.close(pipe[1]);
    assertEquals(
        String.join(
            "\n",
            "-its own name",
            "-c",
            script + " >&3",
            "",
            "gr\u00fc\u00df",
            "PATH=/usr/bin:/bin",
            "EMPTY=",
            "A=b=c d",
            "\u00dc=\u20ac",
            directory.toRealPath() + "\n"),
        TestLibC.readAll(pipe[0]));
    assertEquals(0, Processes.waitFor(pid).code());
  }

  @Test
  void workingDirectoryIsInherited() throws Exception {
    assertEquals(Path.of("").toRealPath() + "\n", run(LIBC, List.of(), null, "pwd -P >&3"));
  }

  @Test
  void relativePathIsTakenFromTheWorkingDirectory(@TempDir Path directory) throws Exception {
    Path script = Files.writeString(directory.resolve("here"), "#!/bin/sh\nexit 7\n");
    assertTrue(script.toFile().setExecutable(true));
    int pid =
        Spawn.spawn(
            new Command("./here", List.of("here"), List.of(), directory.toString(), List.of()));
    assertEquals(7, Processes.waitFor(pid).code());
  }

  @Test
  void childBlocksOnlyTheRequestToRestartAndIgnoresNoSignal() throws Exception {
    String blocked = "SigBlk";
    String ignored = "SigIgn";
    try (Memory set = new Memory(LibC.SIZEOF_SIGSET)) {
      LibC.sigemptyset(set);
      TestLibC.sigaddset(set, Processes.USR1);
      TestLibC.pthread_sigmask(TestLibC.SIG_BLOCK, set, null);
      long before = TestLibC.signal(Processes.WINCH, TestLibC.SIG_IGN);
      try {
        String own = Files.readString(Path.of("/proc/thread-self/status"));
        assertFalse(isZero(own, blocked));
        assertFalse(isZero(own, ignored));
        String child = run(LIBC, List.of(), null, "exec cat /proc/self/status >&3");
        // Bit 11 of the mask is signal 12: proc(5).
        assertTrue(child.contains("SigBlk:\t0000000000000800\n"), child);
        assertTrue(isZero(child, ignored), child);
      } finally {
        TestLibC.signal(Processes.WINCH, before);
        TestLibC.pthread_sigmask(TestLibC.SIG_UNBLOCK, set, null);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("paths")
  void failuresNameTheCallAndLeakNothing(Abilities path, @TempDir Path directory) throws Exception {
    Path notExecutable = Files.writeString(directory.resolve("not-executable"), "");
    Path noFormat = Files.writeString(directory.resolve("no-format"), "no magic number\n");
    assertTrue(noFormat.toFile().setExecutable(true));
    SortedMap<Integer, String> before = OpenDescriptors.now();

    assertFails(
        path,
        command("/nowhere/java", null, "java"),
        "posix_spawn(/nowhere/java): ENOENT (No such file or directory)");
    assertFails(
        path,
        command(notExecutable.toString(), null, "x"),
        "posix_spawn(" + notExecutable + "): EACCES (Permission denied)");
    assertFails(
        path,
        command(noFormat.toString(), null, "x"),
        "posix_spawn(" + noFormat + "): ENOEXEC (Exec format error)");
    assertFails(
        path,
        command("nothing", directory.toString(), "x"),
        "posix_spawn(nothing in " + directory + "): ENOENT (No such file or directory)");
    assertFails(
        path,
        command("/bin/sh", "/nowhere", "sh"),
        "chdir(/nowhere): ENOENT (No such file or directory)");
    assertFails(
        path,
        command("/bin/sh", notExecutable.toString(), "sh"),
        "chdir(" + notExecutable + "): ENOTDIR (Not a directory)");
    assertFails(
        path,
        new Command(
            "/bin/sh", List.of("sh"), List.of(), null, List.of(1, 2, DescriptorsTest.NEVER_OPEN)),
        "fcntl(2147483647, F_DUPFD_CLOEXEC, 6): EBADF (Bad file descriptor)");

    assertEquals(before, OpenDescriptors.now());
  }

  @Test
  void scriptWithoutItsInterpreter(@TempDir Path directory) throws Exception {
    Path script = Files.writeString(directory.resolve("script"), "#!/nowhere/sh\n");
    assertTrue(script.toFile().setExecutable(true));
    assertFails(
        LIBC,
        command(script.toString(), null, "x"),
        "posix_spawn(" + script + "): ENOENT (No such file or directory)");
  }

  @Test
  void workingDirectoryNeedsLibC() throws Exception {
    Abilities without = new Abilities(false, LIBC.closeFrom());
    assertFails(
        without,
        command("/bin/sh", "/", "sh"),
        "posix_spawn_file_actions_addchdir_np(/): ENOSYS (Function not implemented)");
    assertEquals("", run(without, List.of(), null, "true"));
  }

  @Test
  void commandsThatTheKernelWouldCutAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> command("/bin/sh\0x", null, "sh"));
    assertThrows(IllegalArgumentException.class, () -> command("/bin/sh", "/\0", "sh"));
    assertThrows(IllegalArgumentException.class, () -> command("/bin/sh", null, "a\0b"));
    assertThrows(IllegalArgumentException.class, () -> command("/bin/sh", null));
  }

  @ParameterizedTest
  @MethodSource("paths")
  void manySpawnsLeaveNothingBehind(Abilities path) throws Exception {
    SortedMap<Integer, String> before = OpenDescriptors.now();
    for (int i = 0; i < 50; i++) {
      assertEquals("x\n", run(path, List.of(0, 1, 2), null, "echo x >&3"));
    }
    assertEquals(before, OpenDescriptors.now());
  }

  /** A child must not inherit what another thread is about to hand to its own. */
  @RepeatedTest(3)
  void threadsDoNotMixTheirDescriptors() throws Exception {
    assumeTrue(LIBC.closeFrom());
    List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      Thread thread =
          new Thread(
              () -> {
                try {
                  for (int j = 0; j < 10; j++) {
                    assertEquals("0\n1\n2\n3\n4\n", run(LIBC, List.of(1), null, LIST_DESCRIPTORS));
                  }
                } catch (PosixException | AssertionError e) {
                  failures.add(e);
                }
              });
      thread.start();
      threads.add(thread);
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertEquals(List.of(), failures);
  }

  /** Runs a script with a pipe as 3 and the given from 4 up; returns what it wrote there. */
  private static String run(Abilities path, List<Integer> more, String directory, String script)
      throws PosixException {
    int[] pipe = TestLibC.pipe();
    List<Integer> descriptors = new ArrayList<>(List.of(pipe[1]));
    descriptors.addAll(more);
    Command command =
        new Command(
            "/bin/sh",
            List.of("sh", "-c", script),
            List.of("PATH=/usr/bin:/bin"),
            directory,
            descriptors);
    int pid = Spawn.spawn(command, path);
    Descriptors.close(pipe[1]);
    String output = TestLibC.readAll(pipe[0]);
    assertEquals(new Processes.Exit(0, 0), Processes.waitFor(pid));
    return output;
  }

  private static Command shell(List<Integer> descriptors, String script) {
    return new Command(
        "/bin/sh", List.of("sh", "-c", script), List.of("PATH=/usr/bin:/bin"), null, descriptors);
  }

  private static Command command(String path, String directory, String... argv) {
    return new Command(path, List.of(argv), List.of(), directory, List.of(0, 1));
  }

  private static void assertFails(Abilities path, Command command, String message) {
    PosixException e = assertThrows(PosixException.class, () -> Spawn.spawn(command, path));
    assertEquals(message, e.getMessage());
  }

  /** Of the signals that programs can see: glibc's posix_spawn ignores its own two, 32 and 33. */
  static boolean isZero(String status, String field) {
    String line = status.lines().filter(l -> l.startsWith(field + ":")).findFirst().orElseThrow();
    long mask = Long.parseUnsignedLong(line.substring(field.length() + 1).strip(), 16);
    return (mask & ~(1L << 31 | 1L << 32)) == 0;
  }
}
