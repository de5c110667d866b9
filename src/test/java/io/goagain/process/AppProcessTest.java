package io.goagain.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.process.AppProcess.Generation;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The kit, tried on shells. */
@Timeout(60)
class AppProcessTest {
  @Test
  void awaitsLinesFromWhereItIsTold() throws Exception {
    try (AppProcess app = shell("echo a1; echo b2 >&2; echo a3")) {
      assertEquals("1", app.awaitLine(Pattern.compile("a(\\d)")).group(1));
      assertEquals("3", app.awaitLine(Pattern.compile("a(\\d)")).group(1));
      assertEquals("b2", app.fromStart().awaitLine(l -> l.startsWith("b"), AppProcess.LIMIT));
      assertEquals(0, app.exitCode());
      assertEquals(List.of("a1", "b2", "a3"), app.lines());
    }
  }

  @Test
  void readsOnAfterTheFirstProcessHasEnded() throws Exception {
    String successor = "trap 'echo asked' USR1; echo ready generation=2 pid=$$; while :; do" + IDLE;
    try (AppProcess app = shell("sh -c \"$0; done\" &", successor)) {
      assertEquals(0, app.exitCode());
      assertEquals(2, app.awaitReady(2).generation());
      for (int i = 0; i < 5; i++) {
        app.signal("USR1");
        assertEquals("asked", app.awaitLine(l -> l.equals("asked"), AppProcess.LIMIT));
      }
    }
  }

  @Test
  void failsAtOnceWhenNothingCanComeAnyMore() throws Exception {
    try (AppProcess app = shell("echo only; exit 3")) {
      AssertionError error = assertThrows(AssertionError.class, () -> app.awaitReady(1));
      assertTrue(error.getMessage().contains("all processes have ended"), error::getMessage);
      assertTrue(error.getMessage().contains("only"), error::getMessage);
      assertEquals(OptionalInt.of(3), app.awaitExit(app.pid()));
    }
  }

  @Test
  void failsWithAllLinesWhenALineDoesNotCome() throws Exception {
    try (AppProcess app = shell("echo something; exec sleep 60")) {
      String line = app.awaitLine(l -> true, AppProcess.LIMIT);
      assertEquals("something", line);
      AssertionError error =
          assertThrows(AssertionError.class, () -> app.awaitLine(l -> true, Duration.ofMillis(10)));
      assertTrue(error.getMessage().contains("something"), error::getMessage);
    }
  }

  @Test
  void knowsGenerationsAndSignalsTheNewest() throws Exception {
    String successor = "trap 'echo asked; exit 0' TERM; echo ready generation=2 pid=$$;" + IDLE;
    try (AppProcess app =
        shell(
            "echo ready generation=1 pid=$$; echo listening http 127.0.0.1:80;"
                + " echo listening u unix:/run/x; sh -c \"$0\" & wait; exit 7",
            successor)) {
      assertEquals(new Generation(1, app.pid()), app.awaitReady(1));
      Generation second = app.awaitReady(2);
      assertEquals(second, app.newest());
      assertEquals("127.0.0.1:80", app.address("http"));
      assertEquals(UnixDomainSocketAddress.of("/run/x"), app.socketAddress("u"));
      assertTrue(app.isAlive(second.pid()));
      assertTrue(app.openDescriptors(second.pid()).get(1).startsWith("pipe:"));
      assertEquals(List.of("sh"), app.threads(second.pid()));
      app.signal("TERM");
      assertEquals("asked", app.awaitLine(l -> l.equals("asked"), AppProcess.LIMIT));
      OptionalInt code = app.awaitExit(second.pid());
      assertEquals(0, code.orElse(0));
      assertEquals(7, app.exitCode());
      assertFalse(app.isAlive(second.pid()));
    }
  }

  @Test
  void takesAZombieForEnded() throws Exception {
    // sleep takes the place of the shell and never waits for its child.
    try (AppProcess app = shell("(echo child; exit 5) & echo pid=$!; exec sleep 60")) {
      long pid = Long.parseLong(app.awaitLine(Pattern.compile("pid=(\\d+)")).group(1));
      OptionalInt code = app.awaitExit(pid);
      assertTrue(code.isEmpty() || code.getAsInt() == 5, code::toString);
    }
  }

  @Test
  void tellsASignalFromAnExitCode() throws Exception {
    try (AppProcess app = shell("echo ready generation=1 pid=$$; exec sleep 60")) {
      app.kill9(app.awaitReady(1).pid());
      assertEquals(128 + 9, app.exitCode());
    }
  }

  @Test
  void killsWhatItHasNeverHeardOf() throws Exception {
    long orphan;
    AppProcess app = shell("sh -c 'sleep 60 & echo pid=$!'; echo gone");
    try (app) {
      orphan = Long.parseLong(app.awaitLine(Pattern.compile("pid=(\\d+)")).group(1));
      assertEquals(0, app.exitCode());
      assertTrue(app.isAlive(orphan));
    }
    assertFalse(app.isAlive(orphan));
  }

  @Test
  void setsEnvironmentAndDirectory(@TempDir Path directory) throws Exception {
    try (AppProcess app =
        AppProcess.run(
            List.of("sh", "-c", "pwd; echo \"$X\" \"${HOME-unset}\""),
            Map.of("X", "y", "HOME", ""),
            directory)) {
      assertEquals(0, app.exitCode());
      String line = app.awaitLine(l -> l.equals(directory.toString()), AppProcess.LIMIT);
      assertEquals(directory.toString(), line);
      assertEquals("y unset", app.awaitLine(l -> true, AppProcess.LIMIT));
    }
  }

  /** Waits in a shell, so that a trap runs at once. */
  private static final String IDLE = " sleep 60 & wait";

  private static AppProcess shell(String script, String... args) throws Exception {
    List<String> command = new ArrayList<>(List.of("sh", "-c", script));
    command.addAll(List.of(args));
    return AppProcess.run(command, Map.of(), null);
  }
}
