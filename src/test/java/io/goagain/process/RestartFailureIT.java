package io.goagain.process;

import static io.goagain.process.SingleApp.assertNothingLost;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.RestartFailure;
import io.goagain.load.Load;
import io.goagain.load.Workload;
import io.goagain.process.AppProcess.Generation;
import io.goagain.process.SingleApp.Reply;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever is wrong with a successor, its predecessor goes on as if nothing had happened. */
@Timeout(300)
class RestartFailureIT {
  private static final Pattern FAILED =
      Pattern.compile("restart failed, generation 1 goes on: (\\w+): (.*)");

  /** Makes what cannot start, in a directory of its own. */
  private interface Command {
    List<String> in(Path directory) throws IOException;
  }

  /**
   * @param says what the message must contain; DIR stands for the directory
   */
  private record Case(
      String name, Command command, long readyTimeout, RestartFailure failure, List<String> says) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static Case given(String name, Command command, RestartFailure failure, String... says) {
    return new Case(name, command, 20_000, failure, List.of(says));
  }

  private static Command shell(String script) {
    return directory -> List.of("sh", "-c", script);
  }

  /** Speaks to the predecessor, and then waits to be told to end. */
  private static Command speaks(String... messages) {
    String fd =
        "fd=$(printf %s \"$GOAGAIN_HANDOVER\" | sed 's/.*\"messages\":\\([0-9]*\\).*/\\1/'); ";
    StringBuilder script = new StringBuilder(fd);
    for (String message : messages) {
      script.append("echo '").append(message).append("' >&$fd; ");
    }
    return shell(script + "exec sleep 60");
  }

  static Stream<Case> cases() {
    String hello = "{\"goagain\":1,\"generation\":2,\"pid\":1}";
    return Stream.of(
        given(
            "command does not exist",
            directory -> List.of(directory.resolve("none").toString(), "x"),
            RestartFailure.COMMAND_NOT_FOUND,
            "DIR/none",
            "does not exist"),
        given(
            "command is not on PATH",
            directory -> List.of("goagain-none"),
            RestartFailure.COMMAND_NOT_FOUND,
            "\"goagain-none\"",
            "PATH"),
        given(
            "not executable",
            directory -> List.of(Files.createFile(directory.resolve("plain")).toString()),
            RestartFailure.COMMAND_NOT_EXECUTABLE,
            "DIR/plain",
            "not an executable file"),
        given(
            "a directory",
            directory -> List.of(directory.toString()),
            RestartFailure.COMMAND_NOT_EXECUTABLE,
            "DIR",
            "not an executable file"),
        given(
            "interpreter is missing",
            directory -> program(directory, "#!/no/such/interpreter\n"),
            RestartFailure.COMMAND_NOT_FOUND,
            "DIR/program",
            "ENOENT (No such file or directory)",
            "interpreter"),
        given(
            "neither binary nor #!",
            directory -> program(directory, "no program\n"),
            RestartFailure.COMMAND_NOT_EXECUTABLE,
            "DIR/program",
            "ENOEXEC (Exec format error)"),
        given(
            "exits at once with 0",
            directory -> List.of("true"),
            RestartFailure.SUCCESSOR_EXITED,
            "Process ",
            "exit code 0"),
        given(
            "exits with 3 after a while",
            shell("sleep 0.3; exit 3"),
            RestartFailure.SUCCESSOR_EXITED,
            "exit code 3"),
        given(
            "a JVM that does not understand its arguments",
            directory ->
                List.of(
                    AppProcess.java(),
                    "-jar",
                    AppProcess.examples().toString(),
                    "single",
                    "--x",
                    "y"),
            RestartFailure.SUCCESSOR_EXITED,
            "exit code 2"),
        given(
            "crashes",
            shell("kill -SEGV $$"),
            RestartFailure.SUCCESSOR_EXITED,
            "killed by SIGSEGV (11)"),
        given(
            "is killed",
            shell("kill -KILL $$"),
            RestartFailure.SUCCESSOR_EXITED,
            "killed by SIGKILL (9)"),
        new Case(
            "hangs",
            directory -> List.of("sleep", "60"),
            500,
            RestartFailure.NOT_READY,
            List.of("did not say ready within 500 ms", "readyTimeout")),
        new Case(
            "says ready and no more",
            speaks(hello, "{\"type\":\"ready\",\"listeners\":[\"public\"]}"),
            500,
            RestartFailure.NOT_READY,
            List.of("within 500 ms")),
        given(
            "has no listener",
            speaks(hello, "{\"type\":\"ready\",\"listeners\":[]}"),
            RestartFailure.NO_LISTENER,
            "said ready",
            "RestartVerticle"),
        given(
            "another version",
            speaks("{\"goagain\":2,\"generation\":2,\"pid\":1}"),
            RestartFailure.PROTOCOL_MISMATCH,
            "version 2",
            "this process 1"),
        given(
            "no hello",
            speaks("{\"type\":\"ready\",\"listeners\":[\"public\"]}"),
            RestartFailure.PROTOCOL_MISMATCH,
            "no hello",
            "\"ready\""),
        given(
            "garbage",
            speaks("GET / HTTP/1.1"),
            RestartFailure.PROTOCOL_MISMATCH,
            "no message",
            "GET / HTTP/1.1"),
        given(
            "garbage after hello",
            speaks(hello, "{\"type\":\"ready\",\"listeners\":[1]}"),
            RestartFailure.PROTOCOL_MISMATCH,
            "Process "),
        given(
            "closes the channel",
            shell("for fd in 3 4 5 6 7 8 9; do eval \"exec $fd>&-\"; done; exec sleep 60"),
            RestartFailure.PROTOCOL_MISMATCH,
            "closed the handover channel"));
  }

  private static List<String> program(Path directory, String content) throws IOException {
    Path file = Files.writeString(directory.resolve("program"), content);
    assertTrue(file.toFile().setExecutable(true));
    return List.of(file.toString());
  }

  /** One process meets all of them, one after the other: each leaves it as it was. */
  private static SingleApp met;

  private static Map<String, Long> descriptorsBefore;

  @BeforeAll
  static void start() throws Exception {
    met = SingleApp.start();
    descriptorsBefore = settled(met, met.process().pid());
  }

  @AfterAll
  static void restartWellInTheEnd() throws Exception {
    try (SingleApp app = met) {
      restartsWell(app);
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void predecessorGoesOn(Case given, @TempDir Path directory) throws Exception {
    Path next = Files.createDirectory(directory.toRealPath().resolve("next"));
    JsonArray command = new JsonArray(new ArrayList<>(given.command.in(next)));
    Load load = met.load();
    met.process().fromNow();
    Reply reply =
        met.restart(
            new JsonObject().put("command", command).put("readyTimeout", given.readyTimeout));
    assertEquals(500, reply.status(), reply::toString);
    assertEquals(given.failure.code(), reply.code(), reply::toString);
    for (String words : given.says) {
      String expected = words.replace("DIR", next.toString());
      assertTrue(reply.message().contains(expected), () -> expected + " in " + reply);
    }
    MatchResult logged = met.process().awaitLine(FAILED);
    assertEquals(given.failure.name(), logged.group(1));
    assertEquals(reply.message(), logged.group(2));
    goesOn(met, load, given.failure, descriptorsBefore);
  }

  /** What is in the options fails by a signal as it does by a message. */
  @ParameterizedTest
  @ValueSource(strings = {"/no/such/program", "false"})
  void aSignalFailsTheSameWay(String program) throws Exception {
    SingleApp.Starter starter = SingleApp.starter().option("command", new JsonArray().add(program));
    try (SingleApp app = starter.start()) {
      final Map<String, Long> descriptors = settled(app, app.process().pid());
      Load load = app.load();
      Reply reply = app.restart();
      MatchResult logged = app.process().fromStart().awaitLine(FAILED);
      app.process().fromNow().signal("USR2");
      MatchResult loggedAgain = app.process().awaitLine(FAILED);
      assertEquals(logged.group(1), loggedAgain.group(1));
      assertEquals(anyPid(reply.message()), anyPid(loggedAgain.group(2)));
      goesOn(app, load, RestartFailure.valueOf(logged.group(1)), descriptors);
      restartsWell(app);
    }
  }

  private static String anyPid(String message) {
    return message.replaceAll("[Pp]rocess \\d+", "process N");
  }

  private static Map<String, Long> settled(SingleApp app, long pid) throws IOException {
    // Once through all that the tests use, for what is loaded and opened only then.
    assertEquals("SERVING", app.status().getString("state"));
    return app.settledDescriptors(pid);
  }

  /** Generation 1 serves, lost nothing, and has nothing left of the attempt. */
  private static void goesOn(
      SingleApp app, Load load, RestartFailure failure, Map<String, Long> descriptors)
      throws Exception {
    long pid = app.process().pid();
    app.await("it serves", () -> app.status().getString("state").equals("SERVING"));
    JsonObject status = app.status();
    assertEquals(1, status.getInteger("generation"));
    assertEquals(failure.name(), status.getJsonObject("lastRestart").getString("outcome"));
    assertNothingLost(load, 1);
    app.awaitAlone(pid);
    app.awaitNoMoreDescriptors(pid, descriptors);
  }

  private static void restartsWell(SingleApp app) throws Exception {
    Load load = app.load();
    JsonArray command = SingleApp.command(app.process().pid());
    app.restartWell(new JsonObject().put("command", command).put("readyTimeout", 60_000));
    assertNothingLost(load, 1, 2);
    app.awaitAlone(app.process().newest().pid());
  }

  @Test
  void successorThatIgnoresTermIsKilled() throws Exception {
    try (SingleApp app = SingleApp.start()) {
      Map<String, Long> descriptors = settled(app, app.process().pid());
      Load load = app.load();
      JsonArray stubborn =
          new JsonArray().add("sh").add("-c").add("trap '' TERM; while :; do sleep 1; done");
      CompletableFuture<Reply> later =
          app.restartLater(new JsonObject().put("command", stubborn).put("readyTimeout", 500));
      long pid = app.spawned(2);
      Reply reply = later.join();
      assertEquals(RestartFailure.NOT_READY.code(), reply.code(), reply::toString);
      assertTrue(reply.message().contains("Process " + pid), reply::toString);
      goesOn(app, load, RestartFailure.NOT_READY, descriptors);
      restartsWell(app);
      // At the end: it is the least of all this.
      assertEquals(1, app.count("process " + pid + " survived SIGTERM: SIGKILL"));
    }
  }

  @Test
  void successorThatIsKilledWhileItBoots() throws Exception {
    try (SingleApp app = SingleApp.start()) {
      Map<String, Long> descriptors = settled(app, app.process().pid());
      Load load = app.load();
      JsonArray slow = new JsonArray().add("sleep").add("60");
      CompletableFuture<Reply> later = app.restartLater(new JsonObject().put("command", slow));
      app.process().kill9(app.spawned(2));
      Reply reply = later.join();
      assertEquals(RestartFailure.SUCCESSOR_EXITED.code(), reply.code(), reply::toString);
      assertTrue(reply.message().contains("killed by SIGKILL (9)"), reply::toString);
      goesOn(app, load, RestartFailure.SUCCESSOR_EXITED, descriptors);
      restartsWell(app);
    }
  }

  @Test
  void whatIsOnItsWayOutRefuses() throws Exception {
    try (SingleApp app = SingleApp.start();
        Wire held = Wire.held(app.address("public"));
        Wire admin = app.adminWire()) {
      Generation first = app.process().newest();
      Load load = app.load();
      // What was begun with this process is answered by it, whenever it ends.
      String status = Wire.post("/status", "", false);
      String begun = "POST /restart HTTP/1.1\r\nHost: goagain\r\nContent-Length: 2\r\n\r\n{";
      assertEquals(200, admin.send(status).answer().status());
      admin.send(begun);
      app.process().signal("USR2");
      Generation second = app.process().awaitReady(2);
      Reply handedOver = SingleApp.reply(admin.send("}").answer());
      assertEquals(RestartFailure.STOPPING.code(), handedOver.code(), handedOver::toString);
      assertTrue(handedOver.message().contains("process " + second.pid()), handedOver::toString);
      admin.close();
      held.finish();
      held.close();
      app.handedOver(first);
      assertNothingLost(load, 1, 2);

      try (Wire alsoHeld = Wire.held(app.address("public"));
          Wire lastAdmin = app.adminWire()) {
        assertEquals(200, lastAdmin.send(status).answer().status());
        lastAdmin.send(begun);
        app.process().signal("TERM");
        app.await("nobody listens", () -> Wire.refused(app.address("public")));
        Reply stopping = SingleApp.reply(lastAdmin.send("}").answer());
        assertEquals(RestartFailure.STOPPING.code(), stopping.code(), stopping::toString);
        lastAdmin.close();
        alsoHeld.finish();
        app.exited(second.pid(), 0);
      }
    }
  }

  @Test
  void successorThatDiesOnProbation() throws Exception {
    try (SingleApp app = SingleApp.starter().option("probation", 60_000).start()) {
      Load before = app.load();
      assertEquals(200, app.restart().status());
      Generation second = app.process().awaitReady(2);
      assertNothingLost(before, 1, 2);
      app.process().kill9(second.pid());
      app.log("SUCCESSOR_LOST: Process " + second.pid() + " died after it was ready");
      JsonObject status = app.status();
      assertEquals("SERVING", status.getString("state"));
      assertEquals(1, status.getInteger("generation"));
      Load after = app.load();
      Reply again = app.restart();
      assertEquals(200, again.status(), again::toString);
      assertNothingLost(after, 1, 2);
      assertNotEquals(second, app.process().newest());
    }
  }

  @Test
  void requestThatIsNotValidNamesTheField() throws Exception {
    try (SingleApp app = SingleApp.start()) {
      Map<String, String> requests =
          Map.of(
              "nonsense", "{\"nonsense\": 1}",
              "readyTimeout", "{\"readyTimeout\": \"soon\"}",
              "command", "{\"command\": []}",
              "environment", "{\"environment\": {\"A=B\": \"c\"}}",
              "strategy", "{\"strategy\": \"triple\"}",
              "pidFile", "{\"pidFile\": \"/tmp/x\"}");
      for (Map.Entry<String, String> request : requests.entrySet()) {
        Reply reply = app.post("/restart", request.getValue());
        assertEquals(500, reply.status(), reply::toString);
        assertEquals(RestartFailure.INVALID_REQUEST.code(), reply.code(), reply::toString);
        assertTrue(reply.message().contains(request.getKey()), reply::toString);
      }
      assertEquals(1, app.status().getInteger("generation"));
    }
  }

  /** At the first attempt much is loaded that needs descriptors, too. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void fullDescriptorTable(boolean firstAttempt) throws Exception {
    int limit = 100;
    SingleApp.Starter starter = SingleApp.starter();
    starter.wrapper("sh", "-c", "ulimit -n " + limit + "; exec \"$@\"", "sh");
    List<Wire> crowd = new ArrayList<>();
    try (SingleApp app = starter.start();
        Wire admin = app.adminWire()) {
      long pid = app.process().pid();
      assertEquals(200, admin.send(Wire.post("/status", "", false)).answer().status());
      if (!firstAttempt) {
        Reply reply = app.restart(new JsonObject().put("command", new JsonArray().add("none")));
        assertEquals(RestartFailure.COMMAND_NOT_FOUND.code(), reply.code(), reply::toString);
        reply = app.restart(new JsonObject().put("command", new JsonArray().add("false")));
        assertEquals(500, reply.status(), reply::toString);
        app.process().fromNow();
      }
      // No new connections are made while there is no room for them.
      Load load = app.load(new Load().add(Workload.gets(app.address("public"), 4, 100)));
      for (int room = limit - app.process().openDescriptors(pid).size(); room > 0; room--) {
        crowd.add(Wire.open(app.address("public")));
      }
      app.await("the table is full", () -> app.process().openDescriptors(pid).size() == limit);
      Reply reply = SingleApp.reply(admin.send(Wire.post("/restart", "", false)).answer());
      assertEquals(RestartFailure.SPAWN_FAILED.code(), reply.code(), reply::toString);
      assertTrue(reply.message().contains("EMFILE (Too many open files)"), reply::toString);
      assertTrue(reply.message().contains("ulimit -n"), reply::toString);
      assertEquals(reply.message(), app.process().awaitLine(FAILED).group(2));
      load.awaitRequests(50);
      assertEquals(limit, app.process().openDescriptors(pid).size());
      for (Wire wire : crowd) {
        wire.close();
      }
      app.await("there is room", () -> app.process().openDescriptors(pid).size() < limit / 2 + 20);
      Reply again = SingleApp.reply(admin.send(Wire.post("/restart", "", true)).answer());
      assertEquals(200, again.status(), again::toString);
      assertNotEquals(pid, app.handedOver(new Generation(1, pid)).pid());
      assertNothingLost(load, 1, 2);
    } finally {
      for (Wire wire : crowd) {
        wire.close();
      }
    }
  }
}
