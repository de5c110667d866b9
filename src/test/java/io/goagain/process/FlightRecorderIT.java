package io.goagain.process;

import static io.goagain.process.SingleApp.assertNothingLost;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.load.Load;
import io.goagain.process.AppProcess.Generation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** HotSpot's own SIGUSR2, which Flight Recorder sends many times a second, is no request. */
@Timeout(300)
class FlightRecorderIT {

  @Test
  void samplesAreNoRequests() throws Exception {
    SingleApp.Starter starter = SingleApp.starter().environment("_JAVA_SR_SIGNUM", "");
    try (SingleApp app = starter.jvm("-XX:StartFlightRecording").start()) {
      Generation first = app.process().newest();
      app.await("a recording runs", () -> records(app, first.pid()));
      Load load = app.load();
      load.awaitRequests(300);
      app.process().signal("USR2");
      app.log("SIGUSR2 is ignored .*_JAVA_SR_SIGNUM=35");
      app.process().signal("USR2");
      load.awaitRequests(150);
      assertEquals(1, app.count("_JAVA_SR_SIGNUM"), () -> String.join("\n", app.process().lines()));
      assertEquals(0, app.count("spawned generation"));
      assertEquals("SERVING", app.status().getString("state"));

      app.restartWell(null);
      Generation second = app.process().newest();
      assertTrue(SingleApp.strings(second.pid(), "environ").contains("_JAVA_SR_SIGNUM=35"));
      app.await("a recording runs again", () -> records(app, second.pid()));
      load.awaitRequests(300);
      assertEquals(0, app.count("spawned generation 3"));
      app.process().signal("USR2");
      Generation third = app.handedOver(second);
      app.await("a recording runs again", () -> records(app, third.pid()));
      assertNothingLost(load, 1, 2, 3);
      assertEquals(1, app.count("SIGUSR2 is ignored"));
    }
  }

  /** Flight Recorder keeps its chunks in a directory that ends in the pid. */
  private static boolean records(SingleApp app, long pid) throws IOException {
    try (Stream<Path> entries = Files.list(app.temporaryDirectory())) {
      return entries.anyMatch(entry -> entry.toString().endsWith("_" + pid));
    }
  }
}
