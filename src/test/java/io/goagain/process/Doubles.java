package io.goagain.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.goagain.load.Load;
import io.goagain.load.Report;
import io.goagain.process.AppProcess.Generation;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Restarts with the strategy double: process P spawns the stand-in S, executes its next image, and
 * takes over again.
 */
final class Doubles {
  private Doubles() {}

  static SingleApp.Starter starter() throws IOException {
    return SingleApp.starter().option("strategy", "double");
  }

  static SingleApp start() throws IOException {
    return starter().start();
  }

  /** Asks P for a restart, and waits until it is back and alone. */
  static Generation restart(SingleApp app) throws Exception {
    Generation before = app.process().newest();
    app.process().fromNow().signal("USR2");
    return cameBack(app, before);
  }

  /**
   * Waits for the next two generations, from where the last awaited line was: the stand-in, which
   * ends well, and the next image of P, which is alone after that.
   */
  static Generation cameBack(SingleApp app, Generation before) throws InterruptedException {
    Generation standIn = standIn(app, before);
    return returned(app, before, standIn);
  }

  /** Waits for the stand-in of this generation. */
  static Generation standIn(SingleApp app, Generation before) {
    Generation standIn = Restarts.awaitReady(app.process());
    assertEquals(before.generation() + 1, standIn.generation(), failure(app, "stand-in"));
    assertNotEquals(before.pid(), standIn.pid(), failure(app, "stand-in"));
    return standIn;
  }

  /** Waits for the next image of this generation, and the end of its stand-in. */
  static Generation returned(SingleApp app, Generation before, Generation standIn)
      throws InterruptedException {
    Generation next = Restarts.awaitReady(app.process());
    assertEquals(
        new Generation(before.generation() + 2, before.pid()), next, failure(app, "next image"));
    app.exited(standIn.pid(), 0);
    awaitAlone(app, next.pid());
    return next;
  }

  private static Supplier<String> failure(SingleApp app, String what) {
    return () -> app.process().failure(what).getMessage();
  }

  /** Waits until one process is all that is left, without a child that nobody has reaped. */
  static void awaitAlone(SingleApp app, long pid) {
    app.await(
        "only " + pid + " is left, without zombies",
        () ->
            app.processes().equals(Set.of(pid))
                && ProcessHandle.of(pid).orElseThrow().children().findAny().isEmpty());
  }

  /** Waits until P has exited, well, and was the last: a supervisor kills what is left then. */
  static void awaitNobody(SingleApp app) throws InterruptedException {
    int code = app.process().exitCode();
    assertEquals(Set.of(), app.processes(), failure(app, "left when P has exited"));
    assertEquals(0, code, failure(app, "exit code"));
  }

  /** As {@link SingleApp#assertNothingLost}, and no client that keeps its connection lost that. */
  static void assertNothingLostAndAllKept(Load load, Integer... generations)
      throws InterruptedException {
    SingleApp.assertNothingLost(load, generations);
    Report report = load.stop();
    assertEquals(report.keepAliveClients(), report.keptConnections(), report::toString);
  }

  /** The process that serves is in this state. */
  static JsonObject assertServes(SingleApp app, Generation who) throws IOException {
    app.await("it serves", () -> app.status().getString("state").equals("SERVING"));
    JsonObject status = app.status();
    assertEquals(who.generation(), status.getInteger("generation"), status::toString);
    assertEquals(who.pid(), status.getLong("pid"), status::toString);
    return status;
  }

  /**
   * P's command behind a script that does one thing when it is run for the first time, as the
   * stand-in, and another one later, as P's next image.
   */
  static JsonArray command(SingleApp app, String first, String later) throws IOException {
    return command(app, first, later, SingleApp.command(app.process().pid()));
  }

  static JsonArray command(SingleApp app, String first, String later, JsonArray program)
      throws IOException {
    Path directory = Files.createTempDirectory(app.directory(), "command");
    Path ran = directory.resolve("ran");
    Path script =
        SingleApp.script(
            directory.resolve("script"),
            "if [ -e " + ran + " ]; then",
            later,
            "else",
            ": > " + ran,
            first,
            "fi",
            "exec \"$@\"");
    JsonArray command = new JsonArray().add(script.toString());
    program.forEach(command::add);
    return command;
  }

  static JsonObject request(JsonArray command) {
    return new JsonObject().put("command", command).put("strategy", "double");
  }

  /** P's command with a generation that waits at a gate. */
  static JsonArray gated(SingleApp app, int generation, Gate gate) {
    return gated(SingleApp.command(app.process().pid()), generation, gate);
  }

  static JsonArray gated(JsonArray command, int generation, Gate gate) {
    JsonArray gated = new JsonArray();
    List<?> words = command.getList();
    int jar = words.indexOf("-jar");
    words.subList(0, jar).forEach(gated::add);
    gated.add("-cp").add(GatedExamples.classPath() + ":" + words.get(jar + 1));
    gated.add(GatedExamples.class.getName());
    gated.add(Integer.toString(generation)).add(gate.toString());
    words.subList(jar + 2, words.size()).forEach(gated::add);
    return gated;
  }
}
