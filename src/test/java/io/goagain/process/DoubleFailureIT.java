package io.goagain.process;

import static io.goagain.process.Doubles.assertNothingLostAndAllKept;
import static io.goagain.process.Doubles.assertServes;
import static io.goagain.process.Doubles.awaitAlone;
import static io.goagain.process.SingleApp.assertNothingLost;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.RestartFailure;
import io.goagain.load.Load;
import io.goagain.load.Report;
import io.goagain.process.AppProcess.Generation;
import io.goagain.process.SingleApp.Reply;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** In every phase of the strategy double somebody may fail, die, or be told something. */
@Timeout(300)
class DoubleFailureIT {

  private static final int LONG = 60_000;

  /** Begins with a command for this restart only; returns when the stand-in has said ready. */
  private static Generation begin(SingleApp app, JsonArray command) throws Exception {
    Generation before = app.process().newest();
    app.process().fromNow();
    Reply reply = app.restart(Doubles.request(command).put("readyTimeout", LONG));
    assertEquals(200, reply.status(), () -> app.process().failure(reply.toString()).getMessage());
    return Doubles.standIn(app, before);
  }

  private static void awaitExecuted(SingleApp app) {
    app.log("process " + app.process().pid() + " executes generation 3");
  }

  private static void restartsWell(SingleApp app, Generation who) throws Exception {
    assertServes(app, who);
    Load load = app.load();
    app.process().fromNow().signal(who.pid(), "USR2");
    Generation next = Doubles.cameBack(app, who);
    int n = who.generation();
    assertNothingLostAndAllKept(load, n, n + 1, n + 2);
    assertServes(app, next);
  }

  // The stand-in.

  @ParameterizedTest
  @CsvSource({"exit 3, SUCCESSOR_EXITED", "exec sleep 60, NOT_READY"})
  void aStandInThatDoesNotComeChangesNothing(String script, RestartFailure failure)
      throws Exception {
    try (SingleApp app = Doubles.start()) {
      Generation first = app.process().newest();
      Load load = app.load();
      JsonArray command = new JsonArray().add("sh").add("-c").add(script);
      Reply reply = app.restart(Doubles.request(command).put("readyTimeout", 500));
      assertEquals(failure.code(), reply.code(), reply::toString);
      JsonObject status = assertServes(app, first);
      assertEquals(failure.name(), status.getJsonObject("lastRestart").getString("outcome"));
      assertNothingLostAndAllKept(load, 1);
      awaitAlone(app, first.pid());
      restartsWell(app, first);
    }
  }

  // The next image.

  @ParameterizedTest
  @ValueSource(
      strings = {
        "rm $0",
        "chmod a-x $0",
        "mv $0 $0.old; echo 'no program' > $0; chmod +x $0",
      })
  void aNextImageThatCannotBeExecuted(String change) throws Exception {
    try (SingleApp app = Doubles.start()) {
      Generation first = app.process().newest();
      Load load = app.load();
      Generation standIn = begin(app, Doubles.command(app, change, "exit 4"));
      String failure = app.log("restart failed, generation \\d goes on: (\\w+: .*)").group(1);
      app.exited(standIn.pid(), 0);
      JsonObject status = assertServes(app, first);
      awaitAlone(app, first.pid());
      load.awaitRequests(20);
      Report report = load.stop();
      // The stand-in may have served for too short a time to have answered anything.
      assertEquals(Map.of(), report.failures(), report::toString);
      assertEquals(report.keepAliveClients(), report.keptConnections(), report::toString);
      restartsWell(app, first);
      assertTrue(failure.startsWith("EXEC_FAILED: "), failure);
      assertEquals("EXEC_FAILED", status.getJsonObject("lastRestart").getString("outcome"));
    }
  }

  @Test
  void aNextImageThatDies() throws Exception {
    SingleApp.Starter starter = Doubles.starter();
    Path pidFile = starter.directory().resolve("app.pid");
    try (SingleApp app = starter.option("pidFile", pidFile.toString()).start()) {
      Load load = app.load();
      Generation standIn = begin(app, Doubles.command(app, "", "exit 3"));
      assertEquals(3, app.process().exitCode());
      app.log("NOT_RETURNED: Process " + app.process().pid() + " did not come back ");
      assertServes(app, standIn);
      assertNothingLostAndAllKept(load, 1, 2);
      assertEquals(standIn.pid() + "\n", Files.readString(pidFile));
      restartsWell(app, standIn);
      app.process().signal(standIn.pid(), "TERM");
      app.exited(standIn.pid(), 0);
      app.await("all have ended", () -> app.processes().isEmpty());
      assertFalse(Files.exists(pidFile));
    }
  }

  @Test
  void aNextImageThatIsLate() throws Exception {
    try (SingleApp app = Doubles.starter().option("readyTimeout", 300).start();
        Gate gate = Gate.in(app)) {
      Generation first = app.process().newest();
      Load load = app.load();
      Generation standIn = begin(app, Doubles.command(app, "", gate.await()));
      app.log("NOT_RETURNED: process " + first.pid() + " did not come back within 300 ms");
      load.awaitRequests(50);
      app.process().fromNow();
      gate.open();
      Generation third = Doubles.returned(app, first, standIn);
      assertEquals(first.pid(), third.pid());
      assertNothingLostAndAllKept(load, 1, 2, 3);
      assertServes(app, third);
    }
  }

  // Killed.

  @Test
  void theStandInIsKilledWhileTheProcessDrains() throws Exception {
    try (SingleApp app = Doubles.start();
        Wire held = Wire.held(app.address("public"))) {
      Generation first = app.process().newest();
      Load before = app.load();
      app.process().fromNow().signal("USR2");
      Generation standIn = Doubles.standIn(app, first);
      assertNothingLostAndAllKept(before, 1, 2);
      app.process().kill9(standIn.pid());
      app.log("SUCCESSOR_LOST: Process " + standIn.pid() + " died after it was ready");
      Load load = app.load();
      assertEquals(200, held.finish().status());
      assertTrue(held.send(Wire.get("/")).answer().body().contains("generation=1 "));
      held.close();
      assertServes(app, first);
      assertNothingLostAndAllKept(load, 1);
      awaitAlone(app, first.pid());
      restartsWell(app, first);
    }
  }

  @Test
  void theStandInIsKilledWhileTheNextImageBoots() throws Exception {
    SingleApp.Starter starter = Doubles.starter();
    Path unix = starter.directory().resolve("http.sock");
    try (SingleApp app = starter.arguments("--unix", unix.toString()).start();
        Gate gate = Gate.in(app)) {
      Generation first = app.process().newest();
      Load before = app.load();
      Generation standIn = begin(app, Doubles.command(app, "", gate.await()));
      awaitExecuted(app);
      assertNothingLostAndAllKept(before, 1, 2);
      RawHttp owned = RawHttp.connect(app.address("public"));
      assertEquals(standIn.pid(), owned.pid());
      app.process().kill9(standIn.pid());
      owned.awaitEnd();
      List<RawHttp> queued = new ArrayList<>();
      for (String listener : List.of("public", "unix", "public", "unix")) {
        queued.add(RawHttp.connect(app.address(listener)).send(RawHttp.request("/")));
      }
      gate.open();
      for (RawHttp wire : queued) {
        RawHttp.Answer answer = wire.answer();
        assertEquals(first.pid(), answer.pid());
        assertEquals(3, answer.generation());
        assertEquals(3, wire.get("/").generation());
        wire.close();
      }
      Generation third = app.process().awaitReady(3);
      app.log("predecessor " + standIn.pid() + " is gone");
      awaitAlone(app, third.pid());
      assertTrue(Files.exists(unix));
      restartsWell(app, third);
      app.process().signal("TERM");
      Doubles.awaitNobody(app);
      assertFalse(Files.exists(unix));
    }
  }

  /** P has been told that the stand-in stands by, and hears of its death before it executes. */
  @Test
  void theStandInIsKilledWhenItHasGivenBack() throws Exception {
    try (SingleApp app = Doubles.starter().option("drainTimeout", LONG).start();
        RawHttp last = RawHttp.connect(app.process().socketAddress("public"))) {
      Generation first = app.process().newest();
      last.send("GET /slow?millis=1500 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      app.process().fromNow().signal("USR2");
      Generation standIn = Doubles.standIn(app, first);
      app.process().signal(standIn.pid(), "STOP");
      assertEquals(200, last.answer().status());
      app.log("generation 1: drained: ");
      // One runs at a time: the stand-in hears of P, and P does not hear its answer.
      app.process().signal(first.pid(), "STOP");
      app.process().signal(standIn.pid(), "CONT");
      while (!app.status().getString("state").equals("AWAITING_READY")) {
        app.process().signal(standIn.pid(), "STOP");
        app.process().signal(first.pid(), "CONT");
        app.process().signal(first.pid(), "STOP");
        app.process().signal(standIn.pid(), "CONT");
      }
      RawHttp queued = RawHttp.connect(app.address("public"));
      assertEquals(standIn.pid(), queued.pid());
      app.process().kill9(standIn.pid());
      queued.awaitEnd();
      queued = RawHttp.connect(app.address("public")).send(RawHttp.request("/"));
      app.process().signal(first.pid(), "CONT");
      assertEquals(first.pid(), queued.answer().pid());
      Generation third = app.process().awaitReady(3);
      awaitAlone(app, third.pid());
      restartsWell(app, third);
    }
  }

  @Test
  void theStandInIsKilledOnProbation() throws Exception {
    try (SingleApp app = Doubles.starter().option("probation", LONG).start()) {
      Generation first = app.process().newest();
      Load load = app.load();
      app.process().fromNow().signal("USR2");
      Generation standIn = Doubles.standIn(app, first);
      Generation third = Restarts.awaitReady(app.process());
      app.log("generation 2: handed over to generation 3");
      app.await("all have moved", () -> app.status().getInteger("inFlight") >= 0);
      assertNothingLostAndAllKept(load, 1, 2, 3);
      Load after = app.load();
      app.process().kill9(standIn.pid());
      app.log("predecessor " + standIn.pid() + " is gone");
      assertServes(app, third);
      assertNothingLostAndAllKept(after, 3);
      awaitAlone(app, third.pid());
    }
  }

  /** The stand-in did not give its listeners up, and serves again. */
  @Test
  void theProcessIsKilledOnProbation() throws Exception {
    try (SingleApp app = Doubles.starter().option("probation", LONG).start()) {
      Generation first = app.process().newest();
      app.process().fromNow().signal("USR2");
      Generation standIn = Doubles.standIn(app, first);
      assertEquals(first.pid(), Restarts.awaitReady(app.process()).pid());
      app.log("generation 2: handed over to generation 3");
      app.process().kill9(first.pid());
      assertEquals(128 + 9, app.process().exitCode());
      app.await("the stand-in answers", () -> app.status().getLong("pid") == standIn.pid());
      assertServes(app, standIn);
      Load load = app.load();
      load.awaitRequests(50);
      assertNothingLostAndAllKept(load, 2);
      app.process().signal(standIn.pid(), "TERM");
      app.exited(standIn.pid(), 0);
      app.await("all have ended", () -> app.processes().isEmpty());
    }
  }

  @Test
  void theProcessIsKilledWhileItDrains() throws Exception {
    SingleApp.Starter starter = Doubles.starter();
    Path pidFile = starter.directory().resolve("app.pid");
    try (SingleApp app = starter.option("pidFile", pidFile.toString()).start();
        Wire held = Wire.held(app.address("public"))) {
      Generation first = app.process().newest();
      Load load = app.load();
      app.process().fromNow().signal("USR2");
      Generation standIn = Doubles.standIn(app, first);
      assertNothingLostAndAllKept(load, 1, 2);
      Load after = app.load();
      app.process().kill9(first.pid());
      held.awaitEnd();
      app.log("process " + standIn.pid() + " goes on alone");
      assertNothingLostAndAllKept(after, 2);
      awaitAlone(app, standIn.pid());
      assertEquals(standIn.pid() + "\n", Files.readString(pidFile));
      restartsWell(app, standIn);
    }
  }

  @Test
  void theProcessIsKilledWhileItsNextImageBoots() throws Exception {
    SingleApp.Starter starter = Doubles.starter();
    Path pidFile = starter.directory().resolve("app.pid");
    try (SingleApp app = starter.option("pidFile", pidFile.toString()).start();
        Gate gate = Gate.in(app)) {
      Load load = app.load();
      Generation standIn = begin(app, Doubles.command(app, "", gate.await()));
      awaitExecuted(app);
      app.process().kill9(app.process().pid());
      app.log("NOT_RETURNED: Process " + app.process().pid() + " did not come back ");
      assertServes(app, standIn);
      assertNothingLostAndAllKept(load, 1, 2);
      awaitAlone(app, standIn.pid());
      assertEquals(standIn.pid() + "\n", Files.readString(pidFile));
    }
  }

  // Told something.

  private enum Phase {
    STAND_IN_BOOTS,
    DRAINS,
    NEXT_IMAGE_BOOTS,
    ON_PROBATION
  }

  @ParameterizedTest
  @EnumSource(Phase.class)
  void termEndsEverything(Phase phase) throws Exception {
    stops(phase, "TERM", false);
  }

  @Test
  void intEndsEverything() throws Exception {
    stops(Phase.DRAINS, "INT", false);
  }

  /** As systemd does it: to every process of the service. */
  @ParameterizedTest
  @EnumSource(names = {"DRAINS", "NEXT_IMAGE_BOOTS"})
  void termToBothEndsEverything(Phase phase) throws Exception {
    stops(phase, "TERM", true);
  }

  private static void stops(Phase phase, String signal, boolean both) throws Exception {
    SingleApp.Starter starter = Doubles.starter().option("drainTimeout", LONG);
    Path pidFile = starter.directory().resolve("app.pid");
    starter.option("pidFile", pidFile.toString());
    starter.option("probation", phase == Phase.ON_PROBATION ? LONG : 100);
    try (SingleApp app = starter.start();
        Gate gate = Gate.in(app)) {
      Load load = app.load();
      try (InPhase in = new InPhase(app, phase, gate)) {
        assertNothingLostAndAllKept(load, in.served);
        app.process().signal(app.process().pid(), signal);
        if (both) {
          app.process().signal(in.standIn, signal);
        }
        in.letGo();
        in.finish();
        Doubles.awaitNobody(app);
        assertTrue(Wire.refused(app.address("public")));
        assertFalse(Files.exists(pidFile));
        assertEquals(
            0, app.count("SUCCESSOR_LOST"), () -> app.process().failure("lost").getMessage());
        assertEquals(0, app.count("SIGKILL"), () -> app.process().failure("killed").getMessage());
      }
    }
  }

  /** P waits for the stand-in, which hears of that and of the stop at the same instant. */
  @ParameterizedTest
  @CsvSource({"true, false", "false, true", "true, true"})
  void aStopWhileTheStandInIsCalledBack(boolean toP, boolean toStandIn) throws Exception {
    for (int round = 0; round < Restarts.rounds(1, 20); round++) {
      try (SingleApp app = Doubles.starter().option("drainTimeout", LONG).start();
          RawHttp last = RawHttp.connect(app.process().socketAddress("public"))) {
        Generation first = app.process().newest();
        last.send("GET /slow?millis=1500 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        app.process().fromNow().signal("USR2");
        long standIn = Doubles.standIn(app, first).pid();
        app.process().signal(standIn, "STOP");
        assertEquals(200, last.answer().status());
        app.log("generation 1: drained: ");
        if (toP) {
          app.process().signal(first.pid(), "TERM");
        }
        if (toStandIn) {
          app.process().signal(standIn, "TERM");
        }
        app.process().signal(standIn, "CONT");
        Doubles.awaitNobody(app);
        assertEquals(
            0, app.count("SUCCESSOR_LOST"), () -> app.process().failure("lost").getMessage());
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Phase.class)
  void anotherRequestIsNotLost(Phase phase) throws Exception {
    try (SingleApp app = Doubles.start();
        Gate gate = Gate.in(app)) {
      Generation first = app.process().newest();
      Load load = app.load();
      try (InPhase in = new InPhase(app, phase, gate)) {
        app.process().fromNow().signal(first.pid(), "USR2");
        in.letGo();
        in.finish();
      }
      Generation fifth = app.process().awaitReady(5);
      assertEquals(first.pid(), fifth.pid());
      app.exited(app.process().awaitReady(4).pid(), 0);
      awaitAlone(app, first.pid());
      assertNothingLostAndAllKept(load, 1, 2, 3, 4, 5);
      assertServes(app, fifth);
    }
  }

  /**
   * A restart that has come so far and no further, with requests in flight wherever they can be.
   */
  private static final class InPhase implements AutoCloseable {
    private final List<Wire> held = new ArrayList<>();
    private final Gate gate;
    private final Integer[] served;
    private final long standIn;
    private CompletableFuture<Reply> reply;

    InPhase(SingleApp app, Phase phase, Gate gate) throws Exception {
      this.gate = gate;
      Generation first = app.process().newest();
      switch (phase) {
        case STAND_IN_BOOTS -> {
          served = new Integer[] {1};
          held.add(Wire.held(app.address("public")));
          // The program itself reads from the gate, so that it can be told to end.
          reply =
              app.restartLater(
                  Doubles.request(Doubles.gated(app, 2, gate)).put("readyTimeout", LONG));
          app.log("waits at the gate");
          standIn = app.spawned(2);
        }
        case DRAINS -> {
          served = new Integer[] {1, 2};
          held.add(Wire.held(app.address("public")));
          app.process().fromNow().signal("USR2");
          standIn = Doubles.standIn(app, first).pid();
          held.add(Wire.held(app.address("public")));
        }
        case NEXT_IMAGE_BOOTS -> {
          served = new Integer[] {1, 2};
          standIn = begin(app, Doubles.gated(app, 3, gate)).pid();
          app.log("waits at the gate");
          held.add(Wire.held(app.address("public")));
        }
        case ON_PROBATION -> {
          served = new Integer[] {1, 2, 3};
          standIn = begin(app, SingleApp.command(first.pid())).pid();
          // Without it a short probation might be over before the next signal.
          held.add(Wire.held(app.address("public")));
          Generation unused = app.process().awaitReady(3);
          held.add(Wire.held(app.address("public")));
        }
        default -> throw new IllegalArgumentException(phase.name());
      }
    }

    void letGo() throws Exception {
      gate.open();
    }

    void finish() throws Exception {
      for (Wire wire : held) {
        assertEquals(200, wire.finish().status());
        wire.close();
      }
      if (reply != null) {
        Reply unused = reply.join();
      }
    }

    @Override
    public void close() throws Exception {
      for (Wire wire : held) {
        wire.close();
      }
    }
  }

  /** A JVM that cannot take signals yet: it is too early for that, or it is a shell still. */
  @Test
  void anotherRequestIsNotLostBeforeTheNextImageTakesSignals() throws Exception {
    try (SingleApp app = Doubles.start();
        Gate gate = Gate.in(app)) {
      Generation first = app.process().newest();
      Load load = app.load();
      Generation unused = begin(app, Doubles.command(app, "", gate.await()));
      awaitExecuted(app);
      app.await("it is a shell", () -> isScript(first.pid()));
      app.process().signal(first.pid(), "USR2");
      gate.open();
      Generation fifth = app.process().awaitReady(5);
      assertEquals(first.pid(), fifth.pid());
      assertNothingLostAndAllKept(load, 1, 2, 3, 4, 5);
      awaitAlone(app, first.pid());
    }
  }

  private static boolean isScript(long pid) {
    List<String> words = SingleApp.strings(pid, "cmdline");
    return words.size() > 1 && words.get(1).endsWith("/script");
  }

  /** Nobody may take the end of the process for the end of the service, with the stand-in there. */
  @Test
  void termEndsEverythingBeforeTheNextImageTakesSignals() throws Exception {
    try (SingleApp app = Doubles.start();
        Gate gate = Gate.in(app)) {
      Load load = app.load();
      Generation unused = begin(app, Doubles.command(app, "", gate.await()));
      awaitExecuted(app);
      assertNothingLost(load, 1, 2);
      app.await("it is a shell", () -> isScript(app.process().pid()));
      app.process().signal(app.process().pid(), "TERM");
      gate.open();
      app.await("all have ended", () -> app.processes().isEmpty());
    }
  }

  /** What means reload or reopen to a process that serves ends none that does not yet. */
  @ParameterizedTest
  @ValueSource(strings = {"HUP", "USR1"})
  void aSignalForWhoServesDoesNotEndTheNextImage(String signal) throws Exception {
    try (SingleApp app = Doubles.start();
        Gate gate = Gate.in(app)) {
      Generation first = app.process().newest();
      Load load = app.load();
      Generation standIn = begin(app, Doubles.gated(app, 3, gate));
      app.log("waits at the gate");
      app.process().fromNow().signal(first.pid(), signal);
      gate.open();
      Generation third = Doubles.returned(app, first, standIn);
      assertNothingLostAndAllKept(load, 1, 2, 3);
      assertServes(app, third);
    }
  }
}
