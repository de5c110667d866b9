package io.goagain.process;

import static io.goagain.process.SingleApp.assertNothingLost;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.RestartFailure;
import io.goagain.load.Load;
import io.goagain.process.AppProcess.Generation;
import io.goagain.process.ControlClient.Answer;
import io.goagain.process.ControlClient.Events;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the control socket answers while a service is replaced, and after that. */
@Timeout(300)
class ControlIT {
  private final SingleApp.Starter starter;
  private final ControlClient control;

  ControlIT() throws IOException {
    starter = SingleApp.starter();
    control = ControlClient.of(starter);
  }

  @Test
  void statusIsThatOfTheMessage() throws Exception {
    try (SingleApp app = starter.start()) {
      JsonObject byMessage = withoutConnections(app.status());
      JsonObject byControl = withoutConnections(control.get("/status"));
      assertEquals(byMessage, byControl);
      List<String> names =
          byControl.getJsonArray("listeners").stream()
              .map(listener -> ((JsonObject) listener).getString("name"))
              .toList();
      assertEquals(List.of("public", "admin"), names);
      assertEquals(0, control.get("/status").getInteger("inFlight"));
    }
  }

  /** That of the message is one, and what asks is in flight. */
  private static JsonObject withoutConnections(JsonObject status) {
    status.getJsonArray("listeners").forEach(l -> ((JsonObject) l).remove("connections"));
    status.remove("inFlight");
    return status;
  }

  @Test
  void restartIsAnsweredWhenTheSuccessorAccepts() throws Exception {
    try (SingleApp app = starter.start()) {
      Generation first = app.process().newest();
      Load load = app.load();
      Answer answer = control.post("/restart", "");
      assertEquals(200, answer.status(), answer::toString);
      Generation second = app.process().awaitReady(2);
      JsonObject body = answer.body();
      assertEquals(2, body.getInteger("generation"));
      assertEquals(second.pid(), body.getLong("pid"));
      assertEquals(first.pid(), body.getLong("predecessorPid"));
      List<?> listeners = body.getJsonArray("listeners").getList();
      assertEquals(Set.of("public", "admin"), Set.copyOf(listeners), body::encode);
      assertFalse(body.containsKey("drained"), body::encode);
      JsonObject phases = body.getJsonObject("phases");
      assertEquals(Set.of("spawned", "ready", "accepting"), phases.fieldNames());
      long spawned = phases.getLong("spawned");
      long ready = phases.getLong("ready");
      long accepting = phases.getLong("accepting");
      assertTrue(0 <= spawned && spawned < ready && ready <= accepting, phases::encode);
      long difference = body.getLong("readyMillis") - accepting;
      assertTrue(difference >= 0 && difference < 100, body::encode);
      app.handedOver(first);
      assertNothingLost(load, 1, 2);
      assertEquals(second.pid(), control.get("/status").getLong("pid"));
    }
  }

  @Test
  void whoWaitsForTheDrainIsToldByTheProcessThatDrains() throws Exception {
    try (SingleApp app = starter.start();
        Wire held = Wire.held(app.address("public"));
        Wire idle = Wire.open(app.address("public"))) {
      assertEquals(200, idle.send(Wire.get("/")).answer().status());
      Generation first = app.process().newest();
      Load load = app.load();
      CompletableFuture<Answer> later = control.postLater("/restart?wait=drained", "");
      app.process().awaitReady(2);
      load.awaitRequests(20);
      assertFalse(later.isDone());
      held.finish();
      held.close();
      Answer answer = later.join();
      assertEquals(200, answer.status(), answer::toString);
      assertEquals(first.pid(), answer.body().getLong("predecessorPid"), answer::toString);
      JsonObject drained = answer.body().getJsonObject("drained");
      assertEquals(0, drained.getInteger("cut"), answer::toString);
      assertTrue(drained.getInteger("moved") > 0, answer::toString);
      app.handedOver(first);
      assertTrue(idle.send(Wire.get("/")).answer().body().startsWith("hello generation=2 "));
      assertNothingLost(load, 1, 2);
    }
  }

  @Test
  void whoDoesNotWaitIsAnsweredAtOnce() throws Exception {
    try (SingleApp app = starter.start()) {
      Generation first = app.process().newest();
      Load load = app.load();
      Answer answer = control.post("/restart?wait=no", "");
      assertEquals(202, answer.status(), answer::toString);
      assertEquals(new JsonObject().put("accepted", true), answer.body());
      app.handedOver(first);
      assertNothingLost(load, 1, 2);
    }
  }

  @ParameterizedTest
  @CsvSource({"/nonexistent, COMMAND_NOT_FOUND", "false, SUCCESSOR_EXITED"})
  void brokenCommandIsToldAndNothingElse(String command, String code) throws Exception {
    try (SingleApp app = starter.start()) {
      Load load = app.load();
      String body = new JsonObject().put("command", new JsonArray().add(command)).encode();
      for (String wait : List.of("", "?wait=ready", "?wait=drained")) {
        Answer answer = control.post("/restart" + wait, body);
        assertEquals(502, answer.status(), answer::toString);
        assertEquals(code, answer.code(), answer::toString);
        assertFalse(answer.message().isBlank(), answer::toString);
        assertEquals("SERVING", control.get("/status").getString("state"));
      }
      Answer accepted = control.post("/restart?wait=no", body);
      assertEquals(202, accepted.status(), accepted::toString);
      app.await("it is in the history", () -> control.history().size() == 4);
      for (JsonObject restart : control.history()) {
        assertEquals(code, restart.getString("outcome"), restart::encode);
      }
      assertNothingLost(load, 1);
    }
  }

  @Test
  void secondRestartIsRefusedWhileOneIsUnderWay() throws Exception {
    try (SingleApp app = starter.start()) {
      Load load = app.load();
      CompletableFuture<Answer> first =
          control.postLater("/restart", "{\"command\":[\"sleep\",\"60\"]}");
      long hanging = app.spawned(2);
      for (String wait : List.of("ready", "drained", "no")) {
        Answer second = control.post("/restart?wait=" + wait, "");
        assertEquals(409, second.status(), second::toString);
        assertEquals(RestartFailure.IN_PROGRESS.name(), second.code(), second::toString);
      }
      app.process().kill9(hanging);
      Answer answer = first.join();
      assertEquals(502, answer.status(), answer::toString);
      assertEquals(RestartFailure.SUCCESSOR_EXITED.name(), answer.code(), answer::toString);
      assertTrue(answer.message().contains("SIGKILL"), answer::toString);
      assertNothingLost(load, 1);
    }
  }

  @Test
  void whatIsNoRequestIsRefused() throws Exception {
    try (SingleApp app = starter.start()) {
      Map<String, String> requests =
          Map.of(
              Wire.post("/restart", "{\"nonsense\":1}", false), "\"nonsense\"",
              Wire.post("/restart", "{\"readyTimeout\":\"soon\"}", false), "readyTimeout",
              Wire.post("/restart", "{\"command\":[]}", false), "command",
              Wire.post("/restart", "{\"command\":[1]}", false), "",
              Wire.post("/restart", "{\"command\":", false), "",
              Wire.post("/restart", "[]", false), "",
              Wire.post("/restart", "null", false), "",
              Wire.post("/restart?wait=forever", "", false), "ready, drained and no",
              Wire.get("/takeover"), "by a process that starts");
      for (Map.Entry<String, String> request : requests.entrySet()) {
        Answer answer = control.send(request.getKey());
        assertEquals(400, answer.status(), () -> request.getKey() + answer);
        assertEquals("INVALID_REQUEST", answer.code(), answer::toString);
        assertTrue(answer.message().contains(request.getValue()), answer::toString);
      }
      for (String path : List.of("/", "/nothing", "/status/", "/restart/now")) {
        Answer answer = control.send(Wire.get(path));
        assertEquals(404, answer.status(), answer::toString);
        assertEquals("NOT_FOUND", answer.code(), answer::toString);
      }
      for (String path : List.of("/restart", "/stop")) {
        assertNotAllowed("POST", control.send(Wire.get(path)));
      }
      for (String path : List.of("/status", "/history", "/events", "/metrics", "/takeover")) {
        assertNotAllowed("GET", control.post(path, ""));
      }
      // One connection for all of it.
      try (Wire wire = control.wire()) {
        assertEquals(404, wire.send(Wire.get("/nothing")).answer().status());
        assertEquals(405, wire.send(Wire.get("/restart")).answer().status());
        assertEquals(200, wire.send(Wire.get("/status")).answer().status());
      }
      assertEquals("SERVING", control.get("/status").getString("state"));
      assertEquals(List.of(), control.history());
    }
  }

  private static void assertNotAllowed(String allowed, Answer answer) {
    assertEquals(405, answer.status(), answer::toString);
    assertEquals("METHOD_NOT_ALLOWED", answer.code(), answer::toString);
    assertTrue(
        answer
            .head()
            .toLowerCase(Locale.ROOT)
            .contains("\nallow: " + allowed.toLowerCase(Locale.ROOT) + "\r\n"));
  }

  @Test
  void historyIsThatOfAllGenerations() throws Exception {
    try (SingleApp app = starter.start();
        Wire idle = Wire.open(app.address("public"))) {
      Load load = app.load();
      Generation first = app.process().newest();
      assertEquals(200, idle.send(Wire.get("/")).answer().status());
      app.restartWell(null);
      Answer failed = control.post("/restart", "{\"command\":[\"false\"]}");
      assertEquals(502, failed.status(), failed::toString);
      Generation second = app.process().newest();
      app.restartWell(null);
      Generation third = app.process().newest();
      app.await(
          "the last words of generation 2",
          () ->
              control.history().size() == 3 && control.history().get(2).containsKey("connections"));

      List<JsonObject> history = control.history();
      assertRestart(history.get(0), first, second);
      assertEquals("SUCCESSOR_EXITED", history.get(1).getString("outcome"));
      assertEquals(second.pid(), history.get(1).getLong("predecessorPid"));
      assertEquals(failed.message(), history.get(1).getString("reason"));
      assertFalse(history.get(1).containsKey("connections"), history.get(1)::encode);
      assertRestart(history.get(2), second, third);
      assertTrue(idle.send(Wire.get("/")).answer().body().startsWith("hello generation=3 "));
      assertNothingLost(load, 1, 2, 3);
    }
  }

  private static void assertRestart(JsonObject restart, Generation from, Generation to) {
    assertEquals("OK", restart.getString("outcome"), restart::encode);
    assertEquals(to.generation(), restart.getInteger("generation"), restart::encode);
    assertEquals(to.pid(), restart.getLong("pid"), restart::encode);
    assertEquals(from.pid(), restart.getLong("predecessorPid"), restart::encode);
    assertEquals(
        Set.of("spawned", "ready", "accepting", "drained"),
        restart.getJsonObject("phases").fieldNames());
    JsonObject connections = restart.getJsonObject("connections");
    assertTrue(connections.getInteger("moved") >= 1, restart::encode);
    assertEquals(0, connections.getInteger("cut"), restart::encode);
  }

  @Test
  void eventsEndWithTheirGeneration() throws Exception {
    try (SingleApp app = starter.start();
        Events events = control.events()) {
      Generation first = app.process().newest();
      Load load = app.load();
      assertEquals(502, control.post("/restart", "{\"command\":[\"/nonexistent\"]}").status());
      assertEquals(200, control.post("/restart", "").status());
      List<JsonObject> all = events.untilTheEnd();
      app.handedOver(first);
      List<String> types = all.stream().map(event -> event.getString("type")).toList();
      List<String> expected =
          List.of("spawning", "restart_failed", "awaiting_ready", "yielded", "restarted");
      int at = 0;
      for (String type : expected) {
        int next = types.subList(at, types.size()).indexOf(type);
        assertTrue(next >= 0, () -> type + " in " + all);
        at += next + 1;
      }
      assertTrue(types.contains("drained"), types::toString);
      JsonObject restarted = all.get(types.indexOf("restarted"));
      assertEquals(2, restarted.getInteger("generation"), restarted::encode);
      assertEquals("OK", restarted.getString("outcome"), restarted::encode);
      assertNothingLost(load, 1, 2);
      try (Events next = control.events()) {
        assertEquals(200, control.post("/stop", "").status());
        List<JsonObject> last = next.untilTheEnd();
        assertTrue(last.stream().anyMatch(e -> e.getString("type").equals("draining")));
      }
    }
  }

  @Test
  void idleConnectionMovesToTheNextGeneration() throws Exception {
    try (SingleApp app = starter.start();
        Wire asked = control.wire();
        Wire silent = control.wire()) {
      Generation first = app.process().newest();
      assertEquals(1, pidOnce(asked).getInteger("generation"));
      app.process().signal("USR2");
      Generation second = app.handedOver(first);
      assertEquals(second.pid(), pidOnce(asked).getLong("pid"));
      assertEquals(second.pid(), pidOnce(silent).getLong("pid"));
      app.process().signal("USR2");
      Generation third = app.handedOver(second);
      assertEquals(third.pid(), pidOnce(asked).getLong("pid"));
      assertEquals(third.pid(), pidOnce(silent).getLong("pid"));
    }
  }

  private static JsonObject pidOnce(Wire wire) throws IOException {
    return ControlClient.answer(wire.send(Wire.get("/status"))).body();
  }

  @Test
  void doubleAnswersAllTheTime() throws Exception {
    try (SingleApp app = starter.option("strategy", "double").start();
        Wire idle = control.wire()) {
      Generation first = app.process().newest();
      assertEquals(1, pidOnce(idle).getInteger("generation"));
      Load load = app.load();
      AtomicBoolean over = new AtomicBoolean();
      AtomicInteger answers = new AtomicInteger();
      CompletableFuture<Void> asking =
          CompletableFuture.runAsync(
              () -> {
                while (!over.get()) {
                  try {
                    control.get("/status");
                    answers.incrementAndGet();
                  } catch (IOException e) {
                    throw new AssertionError("after " + answers + " answers", e);
                  }
                }
              });
      app.process().fromNow();
      CompletableFuture<Answer> later = control.postLater("/restart?wait=drained", "");
      Generation third = Doubles.cameBack(app, first);
      Answer answer = later.join();
      assertEquals(200, answer.status(), answer::toString);
      assertEquals(0, answer.body().getJsonObject("drained").getInteger("cut"), answer::toString);
      int before = answers.get();
      app.await("answers of the new image", () -> answers.get() > before + 5 || asking.isDone());
      over.set(true);
      asking.join();
      assertEquals(3, pidOnce(idle).getInteger("generation"));
      assertEquals(first.pid(), pidOnce(idle).getLong("pid"));
      assertEquals(third.pid(), first.pid());
      assertNothingLost(load, 1, 2, 3);
    }
  }

  @Test
  void stopIsAnsweredAndLeavesNothing() throws Exception {
    try (SingleApp app = starter.start()) {
      Answer answer = control.post("/stop", "");
      assertEquals(200, answer.status(), answer::toString);
      assertEquals(0, answer.body().getInteger("cut"), answer::toString);
      assertEquals(0, app.process().exitCode());
      assertFalse(Files.exists(control.path()));
      assertEquals(Set.of(), app.processes());
    }
  }

  @Test
  void whoWaitsOnTheSocketDoesNotDelayTheEnd() throws Exception {
    try (SingleApp app = starter.option("drainTimeout", 50_000).start();
        Events one = control.events();
        Events other = control.events();
        Wire half = control.wire();
        Wire idle = control.wire()) {
      Generation first = app.process().newest();
      assertEquals(1, pidOnce(half).getInteger("generation"));
      assertEquals(1, pidOnce(idle).getInteger("generation"));
      half.send("POST /restart HTTP/1.1\r\nHost: goagain\r\nContent-Length: 10\r\n\r\n{");
      assertEquals(200, control.post("/restart", "").status());
      long begun = System.nanoTime();
      app.handedOver(first);
      long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - begun);
      assertTrue(seconds < 8, () -> seconds + " s");
      assertFalse(one.untilTheEnd().isEmpty());
      assertFalse(other.untilTheEnd().isEmpty());
      half.awaitEnd();
      assertEquals(2, pidOnce(idle).getInteger("generation"));
    }
  }
}
