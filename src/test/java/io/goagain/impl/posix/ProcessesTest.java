package io.goagain.impl.posix;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.impl.posix.Processes.Exit;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

@EnabledOnOs(OS.LINUX)
@Timeout(60)
class ProcessesTest {

  /** Waits for input until that has come to its end. */
  private static final String READ_LINE = "read line <&3";

  @Test
  void ownPids() {
    assertEquals(ProcessHandle.current().pid(), Processes.pid());
    long parent = ProcessHandle.current().parent().map(ProcessHandle::pid).orElse(0L);
    assertEquals(parent, Processes.parentPid());
  }

  @Test
  void exitCode() throws Exception {
    Exit exit = Processes.waitFor(shell("exit 3"));
    assertEquals(new Exit(3, 0), exit);
    assertEquals("exit code 3", exit.toString());
    assertEquals(new Exit(255, 0), Processes.waitFor(shell("exit 255")));
  }

  @Test
  void killedBySignal() throws Exception {
    Exit exit = Processes.waitFor(shell("ulimit -c 0; kill -SEGV $$"));
    assertEquals(new Exit(-1, Processes.SEGV), exit);
    assertEquals("killed by SIGSEGV (11)", exit.toString());
  }

  @Test
  void killAndReap() throws Exception {
    int[] pipe = TestLibC.pipe();
    int pid = shell(READ_LINE, pipe[0]);
    Processes.kill(pid, 0);
    Processes.kill(pid, Processes.TERM);
    assertEquals(new Exit(-1, Processes.TERM), Processes.waitFor(pid));
    PosixException reaped = assertThrows(PosixException.class, () -> Processes.waitFor(pid));
    assertEquals("waitpid(" + pid + "): ECHILD (No child processes)", reaped.getMessage());
    Descriptors.close(pipe[0]);
    Descriptors.close(pipe[1]);
  }

  @Test
  void waitingDoesNotHoldUpTheJvm() throws Exception {
    int[] pipe = TestLibC.pipe();
    int pid = shell(READ_LINE, pipe[0]);
    CompletableFuture<Exit> exit =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return Processes.waitFor(pid);
              } catch (PosixException e) {
                throw new AssertionError(e);
              }
            });
    System.gc();
    // The child sees the end of its input, and read fails.
    Descriptors.close(pipe[1]);
    assertEquals(new Exit(1, 0), exit.get(30, TimeUnit.SECONDS));
    Descriptors.close(pipe[0]);
  }

  @Test
  void killOfNobody() throws Exception {
    int pid = shell("exit 0");
    Processes.waitFor(pid);
    PosixException e =
        assertThrows(PosixException.class, () -> Processes.kill(pid, Processes.USR2));
    assertEquals("kill(" + pid + ", SIGUSR2): ESRCH (No such process)", e.getMessage());
  }

  @Test
  void groupsAreRefused() {
    for (int pid : List.of(0, -1, -Processes.pid())) {
      assertThrows(IllegalArgumentException.class, () -> Processes.kill(pid, 0));
      assertThrows(IllegalArgumentException.class, () -> Processes.waitFor(pid));
      assertThrows(IllegalArgumentException.class, () -> Processes.reap(pid));
    }
  }

  @Test
  void zombiesAreChildrenThatNobodyWaitsFor() throws Exception {
    int[] pipe = TestLibC.pipe();
    int running = shell(READ_LINE, pipe[0]);
    assertFalse(Processes.reap(running));
    int ended = shell("exit 0");
    TestLibC.awaitZombie(ended);
    assertEquals(Set.of(ended), Processes.zombies());
    assertTrue(Processes.reap(ended));
    assertEquals(Set.of(), Processes.zombies());
    assertFalse(Processes.reap(ended));
    Descriptors.close(pipe[1]);
    Processes.waitFor(running);
    Descriptors.close(pipe[0]);
  }

  /** As it happens to pid 1. */
  @Test
  void orphansCanBeReaped() throws Exception {
    int[] toOrphan = TestLibC.pipe();
    int[] fromParent = TestLibC.pipe();
    TestLibC.setSubreaper(true);
    try {
      int parent = shell("{ exec 4>&-; read line; } <&3 & echo $! >&4", toOrphan[0], fromParent[1]);
      Descriptors.close(fromParent[1]);
      int orphan = Integer.parseInt(TestLibC.readAll(fromParent[0]).strip());
      Processes.waitFor(parent);
      assertEquals(Set.of(), Processes.zombies());
      Descriptors.close(toOrphan[1]);
      TestLibC.awaitZombie(orphan);
      assertEquals(Set.of(orphan), Processes.zombies());
      assertTrue(Processes.reap(orphan));
      assertEquals(Set.of(), Processes.zombies());
      Descriptors.close(toOrphan[0]);
    } finally {
      TestLibC.setSubreaper(false);
    }
  }

  @Test
  void signalNames() {
    assertEquals(Processes.TERM, Processes.signalNumber("TERM"));
    assertEquals(Processes.USR2, Processes.signalNumber("sigusr2"));
    assertEquals(Processes.WINCH, Processes.signalNumber("SIGWINCH"));
    assertEquals(31, Processes.signalNumber("SYS"));
    assertEquals("SIGKILL", Processes.signalName(Processes.KILL));
    assertEquals("signal 40", Processes.signalName(40));
    assertThrows(IllegalArgumentException.class, () -> Processes.signalNumber("SIG"));
  }

  /** Starts a script, which has the descriptors from 3 up. */
  private static int shell(String script, Integer... descriptors) throws PosixException {
    return Spawn.spawn(
        new Spawn.Command(
            "/bin/sh", List.of("sh", "-c", script), List.of(), null, List.of(descriptors)));
  }
}
