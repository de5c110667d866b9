package io.goagain.process;

import static io.goagain.process.SingleApp.assertEmpty;
import static io.goagain.process.SingleApp.assertNothingLost;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.goagain.load.Load;
import io.goagain.process.AppProcess.Generation;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Nothing is left of a restart but the successor, and that has only what it was to have. */
@Timeout(300)
class LeakIT {
  private static final int RESTARTS = Boolean.getBoolean("goagain.long") ? 30 : 10;

  @Test
  void manyRestartsLeaveNothing() throws Exception {
    SingleApp.Starter starter = Measure.steady(SingleApp.starter());
    Path unix = starter.directory().resolve("http.sock");
    try (SingleApp app = starter.arguments("--unix", unix.toString()).start()) {
      app.restartWell(null);
      Measure second = Measure.of(app, every -> true);
      // That measure's load has ended; this one is for all the restarts.
      Load load = app.load();
      for (int i = 1; i < RESTARTS; i++) {
        app.restartWell(null);
      }
      load.awaitRequests(20);
      assertNothingLost(
          load, IntStream.rangeClosed(2, RESTARTS + 1).boxed().toArray(Integer[]::new));
      Measure last = Measure.of(app, every -> true);
      assertEquals(second, last);

      long pid = app.process().newest().pid();
      app.awaitAlone(pid);
      app.process().signal("TERM");
      app.exited(pid, 0);
      assertEmpty(app.temporaryDirectory());
      assertFalse(Files.exists(unix));
    }
  }

  @Test
  void successorHasOnlyWhatItWasHanded() throws Exception {
    SingleApp.Starter starter =
        SingleApp.starter().wrapper("sh", "-c", "exec 9</etc/passwd; exec \"$@\"", "sh");
    try (SingleApp app = starter.start();
        Wire held = Wire.held(app.address("public"))) {
      long first = app.process().pid();
      // Without a load: its connections would move.
      Map<Integer, String> before = app.process().openDescriptors(first);
      assertEquals("/etc/passwd", before.get(9));
      app.process().signal("USR2");
      long second = app.process().awaitReady(2).pid();
      Map<Integer, String> successors = app.process().openDescriptors(second);
      Set<String> shared = new TreeSet<>(before.values());
      shared.retainAll(successors.values());
      assertFalse(shared.contains("/etc/passwd"), shared::toString);
      // Numbered things are the same ones: the listeners, and the pipe that is stdout and stderr.
      Map<String, Long> kinds =
          shared.stream()
              .filter(target -> target.contains(":["))
              .filter(target -> !target.startsWith("anon_inode"))
              .collect(
                  Collectors.groupingBy(
                      target -> target.replaceAll(":.*", ""), Collectors.counting()));
      assertEquals(Map.of("socket", 2L, "pipe", 1L), kinds, successors::toString);
      held.finish();
      app.handedOver(new Generation(1, first));
    }
  }

  @Test
  void clientSeesTheEndOfThePredecessor() throws Exception {
    try (SingleApp app = SingleApp.starter().arguments("--tcp", "0").start();
        Wire connection = Wire.open(app.address("echo"))) {
      Generation first = app.process().newest();
      assertEquals("hello", connection.send("hello").text(5));
      app.process().signal("USR2");
      app.process().awaitReady(2);
      app.process().kill9(first.pid());
      // Had the successor a copy of the descriptor, this would wait for ever.
      connection.awaitEnd();
      app.exited(first.pid(), 128 + 9);
    }
  }
}
