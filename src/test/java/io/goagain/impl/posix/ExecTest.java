package io.goagain.impl.posix;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.jna.Memory;
import io.goagain.impl.posix.Processes.Exit;
import io.goagain.impl.posix.Spawn.Command;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

@EnabledOnOs(OS.LINUX)
@Timeout(120)
class ExecTest {

  private static final String JAVA =
      Path.of(System.getProperty("java.home"), "bin", "java").toString();
  private static final String CLASS_PATH = System.getProperty("java.class.path");

  private record Outcome(int pid, String output, Exit exit) {}

  @Test
  void processIsTheSameAndAllElseAsTheCommandSays(@TempDir Path directory) throws Exception {
    String script =
        "{ echo $$; tr '\\0' '\\n' </proc/$$/cmdline; tr '\\0' '\\n' </proc/$$/environ; pwd -P; }"
            + " >&3";
    Outcome outcome = become(0, directory, "/bin/sh", "-its own name", "-c", script);
    assertEquals(
        List.of(
            Integer.toString(outcome.pid),
            "-its own name",
            "-c",
            script,
            "gr\u00fc\u00df",
            "",
            "PATH=/usr/bin:/bin",
            "_JAVA_SR_SIGNUM=35",
            "EMPTY=",
            "\u00dc=\u20ac",
            directory.toRealPath().toString()),
        outcome.output.lines().toList());
    assertEquals(new Exit(0, 0), outcome.exit);
  }

  @Test
  void onlyTheDescriptorsOfTheCommandSurviveAndKeepTheirNumbers(@TempDir Path directory)
      throws Exception {
    String script = "echo far >/proc/$$/fd/200; " + SpawnTest.LIST_DESCRIPTORS;
    assertEquals(
        "far\n0\n1\n2\n200\n3\n", become(0, directory, "/bin/sh", "sh", "-c", script).output);
  }

  @Test
  void signalsThatWouldKillWaitAndNoneIsIgnored(@TempDir Path directory) throws Exception {
    String status =
        become(Processes.USR2, directory, "/bin/sh", "sh", "-c", "exec cat /proc/self/status >&3")
            .output;
    // Bit n - 1 is signal n: proc(5).
    assertTrue(status.contains("SigBlk:\t0000000000000a00\n"), status);
    assertTrue(status.contains("ShdPnd:\t0000000000000800\n"), status);
    assertTrue(SpawnTest.isZero(status, "SigIgn"), status);
  }

  @Test
  void anotherJvmReceivesTheSignalThatWasPending(@TempDir Path directory) throws Exception {
    String next = ExecProgram.Next.class.getName();
    assertEquals(
        new Exit(42, 0),
        become(Processes.USR2, directory, JAVA, "java", "-cp", CLASS_PATH, next).exit);
  }

  @Test
  void failuresNameTheCallAndLeaveTheProcessAsItWas(@TempDir Path directory) throws Exception {
    Path noFormat = Files.writeString(directory.resolve("no-format"), "no magic number\n");
    assertTrue(noFormat.toFile().setExecutable(true));
    int[] pipe = TestLibC.pipe();
    SortedMap<Integer, String> open = OpenDescriptors.now();
    Path here = Files.readSymbolicLink(Path.of("/proc/self/cwd"));
    try (Memory set = new Memory(LibC.SIZEOF_SIGSET)) {
      LibC.sigemptyset(set);
      LibC.sigaddset(set, Processes.USR2);
      LibC.sigaddset(set, Processes.HUP);
      TestLibC.pthread_sigmask(TestLibC.SIG_BLOCK, set, null);
      long before = TestLibC.signal(Processes.WINCH, TestLibC.SIG_IGN);
      String blocked = line("SigBlk");
      String ignored = line("SigIgn");

      assertFails("chdir(/nowhere): ENOENT (No such file or directory)", "sh", "/nowhere", pipe);
      assertFails(
          "execve(nothing in " + directory + "): ENOENT (No such file or directory)",
          "nothing",
          directory.toString(),
          pipe);
      assertFails(
          "execve(" + noFormat + "): ENOEXEC (Exec format error)", noFormat.toString(), "/", pipe);
      assertFails("execve(/): EACCES (Permission denied)", "/", null, pipe);
      assertFails(
          "fcntl(2147483647, F_SETFD, 0): EBADF (Bad file descriptor)",
          "/nowhere",
          "/",
          new int[] {pipe[0], DescriptorsTest.NEVER_OPEN, pipe[1]});

      assertEquals(blocked, line("SigBlk"));
      assertEquals(ignored, line("SigIgn"));
      TestLibC.signal(Processes.WINCH, before);
      TestLibC.pthread_sigmask(TestLibC.SIG_UNBLOCK, set, null);
    }
    assertEquals(here, Files.readSymbolicLink(Path.of("/proc/self/cwd")));
    assertEquals(open, OpenDescriptors.now());
    Descriptors.close(pipe[0]);
    Descriptors.close(pipe[1]);
  }

  private static void assertFails(String message, String path, String directory, int[] descriptors)
      throws PosixException {
    List<Integer> survivors = new ArrayList<>(List.of(1));
    for (int fd : descriptors) {
      survivors.add(fd);
      LibC.fcntl(fd, LibC.F_SETFD, 0);
    }
    Command command = new Command(path, List.of("x"), List.of(), directory, survivors);
    PosixException e =
        assertThrows(PosixException.class, () -> Exec.execve(command, Set.of(Processes.TERM)));
    assertEquals(message, e.getMessage());
    assertEquals(0, e.getSuppressed().length);
    assertEquals(0, LibC.fcntl(1, LibC.F_GETFD, 0));
    if (!message.startsWith("chdir")) {
      assertEquals(LibC.FD_CLOEXEC, LibC.fcntl(descriptors[0], LibC.F_GETFD, 0));
    }
  }

  private static String line(String field) throws Exception {
    return Files.readAllLines(Path.of("/proc/thread-self/status")).stream()
        .filter(line -> line.startsWith(field + ":"))
        .findFirst()
        .orElseThrow();
  }

  /** What {@link ExecProgram}, told to become this, writes into its 3 and 200, and its end. */
  private static Outcome become(int signal, Path directory, String path, String... argv)
      throws PosixException {
    List<String> arguments =
        new ArrayList<>(List.of("java", "-cp", CLASS_PATH, ExecProgram.class.getName()));
    arguments.addAll(List.of(Integer.toString(signal), directory.toString(), path));
    arguments.addAll(List.of(argv));
    int[] pipe = TestLibC.pipe();
    int pid =
        Spawn.spawn(
            new Command(JAVA, arguments, List.of("_JAVA_SR_SIGNUM=35"), null, List.of(pipe[1])));
    Descriptors.close(pipe[1]);
    String output = TestLibC.readAll(pipe[0]);
    return new Outcome(pid, output, Processes.waitFor(pid));
  }
}
