package io.goagain.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** status, history and stop: an answer, printed. */
@Timeout(60)
class StatusCommandsTest {

  private static final JsonObject COUNTS =
      new JsonObject()
          .put("finished", 3)
          .put("closed", 1)
          .put("moved", 4)
          .put("cut", 0)
          .put("millis", 120);

  @TempDir Path directory;
  private Path socket;
  private StubService service;

  @BeforeEach
  void serve() throws Exception {
    socket = directory.resolve("s");
    service = new StubService(socket);
  }

  @AfterEach
  void close() {
    service.close();
  }

  private Run run(String... args) {
    List<String> all = new ArrayList<>(List.of(args));
    all.addAll(List.of("--socket", socket.toString()));
    return Run.of(all.toArray(String[]::new)).succeeded();
  }

  @Test
  void status() {
    JsonObject status =
        new JsonObject()
            .put("generation", 2)
            .put("pid", 12)
            .put("state", "SERVING")
            .put("strategy", "single")
            .put("upSince", "2026-01-02T03:04:05Z")
            .put(
                "listeners",
                new JsonArray()
                    .add(
                        new JsonObject()
                            .put("name", "public")
                            .put("address", "0.0.0.0:8080")
                            .put("kind", "tcp")
                            .put("inherited", true)
                            .put("connections", 7)))
            .put("inFlight", 1)
            .put("drain", COUNTS)
            .put("lastRestart", failure());
    service.answer("GET /status", 200, status);
    assertEquals(
        """
        generation 2 (pid 12), SERVING since 2026-01-02T03:04:05Z, strategy single
        listener public: tcp 0.0.0.0:8080, inherited, connections: 7
        requests in flight: 1
        drain: connections: 3 finished, 1 closed, 4 moved, 0 cut, in 120 ms
        last restart: 2026-01-02T04:00:00Z NOT_READY, generation 3 (pid 13), 60000 ms: it was late""",
        run("status").out.text());
    assertEquals(status, run("status", "--json").document());
  }

  private static JsonObject failure() {
    return new JsonObject()
        .put("at", "2026-01-02T04:00:00Z")
        .put("generation", 3)
        .put("pid", 13)
        .put("outcome", "NOT_READY")
        .put("reason", "it was\r\nlate")
        .put("millis", 60000);
  }

  @Test
  void statusWithoutMostOfItsFields() {
    service.answer("GET /status", 200, new JsonObject().put("generation", 1));
    assertEquals(
        "generation 1 (pid ?), ? since ?, strategy ?\nrequests in flight: ?",
        run("status").out.text());
  }

  @Test
  void history() {
    JsonObject success =
        new JsonObject()
            .put("at", "2026-01-02T03:04:05Z")
            .put("generation", 2)
            .put("pid", 12)
            .put("predecessorPid", 11)
            .put("outcome", "OK")
            .put("millis", 900)
            .put("phases", new JsonObject().put("spawned", 10).put("ready", 890))
            .put("connections", COUNTS);
    JsonObject history =
        new JsonObject().put("restarts", new JsonArray().add(success).add(failure()));
    service.answer("GET /history", 200, history);
    assertEquals(
        """
        2026-01-02T03:04:05Z OK, generation 2 (pid 12) after pid 11, 900 ms (spawned 10, ready 890); \
        connections: 3 finished, 1 closed, 4 moved, 0 cut, in 120 ms
        2026-01-02T04:00:00Z NOT_READY, generation 3 (pid 13), 60000 ms: it was late""",
        run("history").out.text());
    assertEquals(history, run("history", "--json").document());
  }

  @Test
  void historyOfNothing() {
    service.answer("GET /history", 200, new JsonObject().put("restarts", new JsonArray()));
    assertEquals("no restart so far", run("history").out.text());
  }

  @Test
  void stop() {
    service.answer("POST /stop", 200, COUNTS);
    assertEquals(
        "stopped; connections: 3 finished, 1 closed, 4 moved, 0 cut, in 120 ms",
        run("stop").out.text());
    assertEquals(COUNTS, run("stop", "--json").document());
  }
}
