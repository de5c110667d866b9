package io.goagain.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.cli.StubService.Received;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class RestartCommandTest {

  private static final String READY = "POST /restart?wait=ready";

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

  private static JsonObject outcome() {
    return new JsonObject()
        .put("generation", 2)
        .put("pid", 12)
        .put("predecessorPid", 11)
        .put("listeners", new JsonArray().add("public").add("echo"))
        .put("readyMillis", 922)
        .put("phases", new JsonObject().put("spawned", 10).put("ready", 900).put("accepting", 922));
  }

  private String[] args(String... more) {
    List<String> args = new ArrayList<>(List.of("restart", "--socket", socket.toString()));
    args.addAll(List.of(more));
    return args.toArray(String[]::new);
  }

  @Test
  void waitsUntilTheSuccessorServes() {
    service.answer(READY, 200, outcome());
    Run run = Run.of(args()).succeeded();
    assertEquals(
        "generation 2 (pid 12) serves in place of pid 11 after 922 ms (spawned 10, ready 900,"
            + " accepting 922); listeners: public, echo",
        run.out.text());
    assertEquals(List.of(new Received(READY, "goagain", null)), service.received());
  }

  @Test
  void printsTheAnswerAsJson() {
    service.answer(READY, 200, outcome());
    assertEquals(outcome(), Run.of(args("--json")).succeeded().document());
  }

  @Test
  void waitsUntilThePredecessorHasDrained() {
    JsonObject counts =
        new JsonObject()
            .put("finished", 3)
            .put("closed", 1)
            .put("moved", 4)
            .put("cut", 0)
            .put("millis", 120);
    service.answer("POST /restart?wait=drained", 200, outcome().put("drained", counts));
    Run run = Run.of(args("--wait", "drained")).succeeded();
    assertEquals(
        "drained; connections: 3 finished, 1 closed, 4 moved, 0 cut, in 120 ms",
        run.out.all().get(1));
  }

  @Test
  void anAnswerThatSaysNothingOfTheDrainIsNoSuccess() {
    service.answer("POST /restart?wait=drained", 200, outcome());
    assertEquals(3, new Run().run(args("--wait", "drained")));
  }

  @Test
  void waitsForNothing() {
    service.answer("POST /restart?wait=no", 202, new JsonObject().put("accepted", true));
    assertEquals("the restart was accepted", Run.of(args("--wait", "no")).succeeded().out.text());
    service.answer("POST /restart?wait=no", 202, new JsonObject().put("accepted", false));
    assertEquals(1, new Run().run(args("--wait", "no")));
  }

  @Test
  void sendsWhatIsToBeDifferent() {
    service.answer(READY, 200, outcome());
    Run.of(
            args(
                "--strategy=double",
                "--ready-timeout=1000",
                "--drain-timeout=0",
                "--env=A=1=2",
                "--env=EMPTY=",
                "--env=GONE",
                "--command=/bin/app",
                "--command=--port",
                "--command=@file"))
        .succeeded();
    assertEquals(
        new JsonObject()
            .put("strategy", "double")
            .put("readyTimeout", 1000)
            .put("drainTimeout", 0)
            .put("command", new JsonArray().add("/bin/app").add("--port").add("@file"))
            .put("environment", new JsonObject().put("A", "1=2").put("EMPTY", "").putNull("GONE")),
        sent());
  }

  @Test
  void takesACommandLineAfterTwoHyphens() {
    service.answer(READY, 200, outcome());
    Run.of(args("--", "java", "--help", "--", "-jar", "app.jar")).succeeded();
    assertEquals(
        new JsonArray().add("java").add("--help").add("--").add("-jar").add("app.jar"),
        sent().getJsonArray("command"));
  }

  private JsonObject sent() {
    return new JsonObject(service.received().get(0).body());
  }

  @Test
  void saysWhyItFailed() {
    JsonObject failure =
        new JsonObject()
            .put("code", "SUCCESSOR_EXITED")
            .put("message", "the successor exited with 1\nafter 20 ms");
    service.answer(READY, 502, failure);
    String sentence =
        "could not restart the service at %s: SUCCESSOR_EXITED: the successor exited with 1 after"
                .formatted(socket)
            + " 20 ms; the service goes on as before, its log may have more";
    Run text = Run.of(args()).failed(1, "vertx-goagain restart: " + sentence);
    assertEquals("", text.out.text());
    Run json = Run.of(args("--json")).failed(1, "vertx-goagain restart: " + sentence);
    assertEquals(
        new JsonObject().put("code", "SUCCESSOR_EXITED").put("message", sentence), json.document());
  }

  @Test
  void showsThePhasesWhileItWaits() throws Exception {
    Run run = new Run();
    CompletableFuture<HttpServerRequest> asked = new CompletableFuture<>();
    service.withEvents().on(READY, asked::complete);
    CompletableFuture<Integer> exit = run.start(args("--progress", "--json"));
    HttpServerResponse stream = service.stream();
    HttpServerRequest request = asked.get(StubService.PATIENCE_SECONDS, TimeUnit.SECONDS);
    StubService.send(stream, StubService.event("spawning", 1));
    String line = line(run.err, "spawning");
    assertTrue(line.matches(" *\\d+ ms  spawning, generation 1 \\(pid 1001\\)"), line);
    StubService.send(stream, StubService.event("restarted", 2).put("millis", 900));
    assertTrue(line(run.err, "restarted").endsWith("(pid 1002), millis 900"));
    request.response().end(outcome().toBuffer());
    assertEquals(0, exit.get(StubService.PATIENCE_SECONDS, TimeUnit.SECONDS));
    assertEquals(outcome(), run.document());
    assertEquals(2, run.err.all().size());
  }

  private static String line(Lines lines, String text) throws Exception {
    return lines.lineWith(text).get(StubService.PATIENCE_SECONDS, TimeUnit.SECONDS);
  }

  @Test
  void restartsWithoutProgressIfThereIsNone() {
    service.answer(READY, 200, outcome());
    Run run = new Run();
    assertEquals(0, run.run(args("--progress")));
    assertTrue(run.err.text().startsWith("no progress: could not watch"), run.err::text);
    assertNull(service.received().get(1).body());
  }
}
