package io.goagain.cli;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.json.JsonObject;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class WatchCommandTest {

  private static final int PATIENCE = StubService.PATIENCE_SECONDS;

  @TempDir Path directory;
  private Path socket;
  private final Run run = new Run();

  @BeforeEach
  void name() {
    socket = directory.resolve("s");
  }

  @Test
  void followsTheServiceToItsSuccessor() throws Exception {
    CompletableFuture<Integer> exit;
    try (StubService predecessor = new StubService(socket).withEvents()) {
      exit = run.start("watch", "--socket", socket.toString(), "--timeout", "30");
      HttpServerResponse stream = predecessor.stream();
      StubService.send(stream, StubService.event("spawning", 1));
      StubService.send(stream, StubService.event("restarted", 2).put("millis", 900));
      awaitLine("restarted");
    }
    try (StubService successor = new StubService(socket).withEvents()) {
      HttpServerResponse stream = successor.stream();
      StubService.send(stream, StubService.event("serving", 2));
      awaitLine("serving");
      // What another try would not change ends it at once.
      successor.answer(
          "GET /events", 403, new JsonObject().put("code", "FORBIDDEN").put("message", "no"));
      stream.end();
      assertEquals(3, exit.get(PATIENCE, SECONDS));
    }
    assertEquals(
        List.of(
            "2026-01-02T03:04:05Z spawning, generation 1 (pid 1001)",
            "2026-01-02T03:04:05Z restarted, generation 2 (pid 1002), millis 900",
            "2026-01-02T03:04:05Z serving, generation 2 (pid 1002)"),
        run.out.all());
    assertTrue(run.err.text().contains("FORBIDDEN: no;"), run.err::text);
  }

  @Test
  void aConnectionThatEndsIsMadeAnew() throws Exception {
    try (StubService service = new StubService(socket).withEvents()) {
      run.start("watch", "--socket", socket.toString());
      for (int i = 1; i <= 20; i++) {
        HttpServerResponse stream = service.stream();
        StubService.send(stream, StubService.event("event" + i + ".", i));
        stream.end();
        awaitLine("event" + i + ".");
      }
    }
  }

  @Test
  void printsEventsAsJson() throws Exception {
    JsonObject event = StubService.event("restart_failed", 2).put("reason", "a\nb");
    try (StubService service = new StubService(socket).withEvents()) {
      run.start("watch", "--json", "--socket", socket.toString());
      StubService.send(service.stream(), event);
      assertEquals(event, new JsonObject(awaitLine("restart_failed")));
    }
  }

  @Test
  void endsIfNobodyIsReachable() {
    assertEquals(3, run.run("watch", "--json", "--socket", socket.toString(), "--timeout", "0.2"));
    assertEquals(List.of(), run.out.all());
    assertTrue(run.err.text().contains("there is no such file"), run.err::text);
  }

  private String awaitLine(String text) throws Exception {
    return run.out.lineWith(text).get(PATIENCE, SECONDS);
  }
}
