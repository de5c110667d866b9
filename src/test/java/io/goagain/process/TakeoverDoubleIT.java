package io.goagain.process;

import static io.goagain.process.Takeovers.assertAllKept;
import static io.goagain.process.Takeovers.assertExit;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.load.Load;
import io.goagain.process.AppProcess.Generation;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The strategy double with a control socket, on which a stand-in can be taken over from. */
@Timeout(300)
class TakeoverDoubleIT {

  @Test
  void theSocketStaysWithTheProcess() throws Exception {
    try (Takeovers takeovers = Takeovers.of("double");
        Clients clients = new Clients()) {
      AppProcess process = takeovers.start(1);
      Object file = Files.getAttribute(takeovers.path(), "unix:ino");
      Load load = takeovers.load();
      clients.repeat(() -> assertEquals(200, Takeovers.get(takeovers.path(), "/status").status()));
      process.signal("USR2");
      assertEquals(process.pid(), process.awaitReady(3).pid());
      takeovers.awaitServing(process.pid(), 3);
      clients.finish();
      assertEquals(file, Files.getAttribute(takeovers.path(), "unix:ino"));
      assertAllKept(load, 1, 2, 3);
      takeovers.assertGoesOn(process, 3);
    }
  }

  @Test
  void aStandInThatIsLeftAloneIsTakenOverFrom() throws Exception {
    try (Takeovers takeovers = Takeovers.of("double");
        Gate gate = Gate.in(takeovers.directory())) {
      AppProcess process = takeovers.start(1);
      Load load = takeovers.load();
      SingleApp.Reply reply = takeovers.restart(Doubles.request(standsStill(takeovers, gate)));
      assertEquals(200, reply.status(), reply::toString);
      Generation standIn = process.awaitReady(2);
      process.awaitLine(line -> line.contains("executes generation 3"), AppProcess.LIMIT);
      process.kill9(process.pid());
      assertExit(process, 128 + 9);
      takeovers.awaitServing(standIn.pid(), 2);
      AppProcess next = takeovers.start(3);
      Restarts.awaitGone(process, standIn.pid());
      takeovers.awaitServing(next.pid(), 3);
      assertAllKept(load, 1, 2, 3);
      // It is the process that a supervisor knows, and keeps its pid again.
      next.signal("USR2");
      assertNotEquals(next.pid(), next.awaitReady(4).pid());
      assertEquals(next.pid(), next.awaitReady(5).pid());
      takeovers.awaitServing(next.pid(), 5);
      next.signal("TERM");
      assertExit(next, 0);
      assertTrue(Files.notExists(takeovers.path()));
    }
  }

  /** The command of the process, whose next image waits at the gate. */
  private static JsonArray standsStill(Takeovers takeovers, Gate gate) throws Exception {
    Path ran = takeovers.directory().resolve("ran");
    Path script =
        SingleApp.script(
            takeovers.directory().resolve("script"),
            "if [ -e " + ran + " ]; then " + gate.await() + "; fi",
            ": > " + ran,
            "exec \"$@\"");
    JsonArray command = new JsonArray().add(script.toString());
    SingleApp.command(takeovers.first().pid()).forEach(command::add);
    return command;
  }

  /** The stand-in serves on the socket, and says that it cannot be replaced now. */
  @Test
  void nobodyTakesOverWhileTheProcessIsAway() throws Exception {
    try (Takeovers takeovers = Takeovers.of("double");
        Gate gate = Gate.in(takeovers.directory())) {
      AppProcess process = takeovers.start(1);
      Load load = takeovers.load();
      JsonObject request = Doubles.request(standsStill(takeovers, gate));
      assertEquals(200, takeovers.restart(request).status());
      process.awaitLine(line -> line.contains("executes generation 3"), AppProcess.LIMIT);
      Takeovers.assertFails(takeovers.launch(), "is still in progress");
      gate.open();
      assertEquals(process.pid(), process.awaitReady(3).pid());
      takeovers.awaitServing(process.pid(), 3);
      assertAllKept(load, 1, 2, 3);
      takeovers.assertGoesOn(process, 3);
    }
  }
}
