package io.goagain.process;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.goagain.load.Load;
import io.goagain.load.Report;
import io.goagain.process.AppProcess.Generation;
import io.goagain.process.SingleApp.Reply;
import io.vertx.core.json.JsonObject;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** The example "single" with the strategy auto, run by a supervisor that watches its pid. */
final class Supervised implements AutoCloseable {

  /** Asks the supervisor; neither waits for the outcome. */
  interface Control {
    void restart() throws Exception;

    void stop() throws Exception;
  }

  /** Where in a restart something else is to happen. */
  enum Phase {
    STAND_IN_BOOTS,
    NEXT_IMAGE_BOOTS
  }

  private static final int LONG = 60_000;

  private final SingleApp app;
  private final Control control;
  private final long pid;
  private final long inside;

  private Supervised(SingleApp app, Control control) {
    this.app = app;
    this.control = control;
    this.pid = children(app.process().pid()).iterator().next();
    this.inside = app.process().newest().pid();
  }

  /**
   * Waits until it serves.
   *
   * @param why what is logged of the choice of the strategy
   */
  static Supervised start(SingleApp.Starter starter, String why, Control control) throws Exception {
    SingleApp app = starter.option("drainTimeout", LONG).start();
    try {
      assertEquals(1, children(app.process().pid()).size(), "children of the supervisor");
      app.log("strategy auto is double: .*" + why);
      assertEquals("double", app.status().getString("strategy"));
      return new Supervised(app, control);
    } catch (Exception | AssertionError e) {
      app.close();
      throw e;
    }
  }

  SingleApp app() {
    return app;
  }

  /** Of the process that the supervisor watches, as it is seen out here. */
  long pid() {
    return pid;
  }

  /** Skips the test where a program is not installed. */
  static void assumeInstalled(String debianPackage, String... programs) {
    List<String> places = Arrays.asList(System.getenv("PATH").split(File.pathSeparator, -1));
    for (String program : programs) {
      assumeTrue(
          places.stream().anyMatch(place -> Files.isExecutable(Path.of(place, program))),
          () -> program + " is not installed (package " + debianPackage + ")");
    }
  }

  /** A file of conf/, in which each of these is replaced by what it is here. */
  static String conf(String file, Map<String, String> changes) throws IOException {
    String text = Files.readString(Path.of("conf", file));
    for (Map.Entry<String, String> change : changes.entrySet()) {
      assertTrue(text.contains(change.getKey()), () -> change.getKey() + " in " + file);
      text = text.replace(change.getKey(), change.getValue());
    }
    return text;
  }

  /** As one types it in a shell. */
  static String quoted(List<String> command) {
    return command.stream()
        .map(word -> "'" + word.replace("'", "'\\''") + "'")
        .collect(Collectors.joining(" "));
  }

  /** Runs a command to its end, which has to be 0, and gives what it prints. */
  static String run(String... command) throws Exception {
    return output(new ProcessBuilder(command).redirectErrorStream(true).start(), 0);
  }

  /** What a process prints up to its end, which has to have this exit code. */
  static String output(Process process, int code) throws Exception {
    String output = new String(process.getInputStream().readAllBytes(), UTF_8).strip();
    assertTrue(process.waitFor(AppProcess.LIMIT.toSeconds(), TimeUnit.SECONDS), output);
    assertEquals(code, process.exitValue(), output);
    return output;
  }

  /** Something that holds between two restarts. */
  interface Check {
    void run() throws Exception;
  }

  /** Restarts under load: no request fails, the process is the same, and always alone. */
  void restartUnderLoad(Load load, int count, Check check) throws Exception {
    check.run();
    for (int i = 0; i < count; i++) {
      app.process().fromNow();
      control.restart();
      Generation standIn = Restarts.awaitReady(app.process());
      assertEquals(2 * i + 2, standIn.generation());
      Generation next = Restarts.awaitReady(app.process());
      assertEquals(2 * i + 3, next.generation());
      assertEquals(inside, next.pid());
      awaitAlone();
      check.run();
    }
    load.awaitRequests(20);
    Report report = load.stop();
    assertEquals(Map.of(), report.failures(), report::toString);
    assertEquals(
        IntStream.rangeClosed(1, 2 * count + 1).boxed().collect(Collectors.toSet()),
        report.generations().keySet(),
        report::toString);
  }

  /** Waits until there is nothing but the supervisor and the process, and no zombie. */
  void awaitAlone() {
    long supervisor = app.process().pid();
    app.await(
        "only the supervisor and its process are left",
        () ->
            app.processes().equals(Set.of(supervisor, pid))
                && children(supervisor).equals(Set.of(pid))
                && children(pid).isEmpty());
  }

  /** Nobody is left but these, not even for another moment. */
  void assertNobodyBut(Long... left) {
    assertEquals(Set.of(left), app.processes(), () -> app.process().failure("").getMessage());
    assertEquals(0, app.count("goes on alone"), () -> app.process().failure("").getMessage());
    assertEquals(0, app.count("SIGKILL"), () -> app.process().failure("").getMessage());
  }

  /** Stops it with a request in flight, which is answered. */
  void stopDrains() throws Exception {
    try (Wire admin = app.adminWire();
        Wire held = Wire.held(app.address("public"))) {
      control.stop();
      assertTrue(finish(held, admin).closes());
    }
  }

  /** Stops it in the middle of a restart, with a request in flight, which is answered. */
  void stopDrains(Phase phase) throws Exception {
    try (Gate gate = Gate.in(app)) {
      CompletableFuture<Reply> reply = restart(phase, gate);
      try (Wire admin = app.adminWire();
          Wire held = Wire.held(app.address("public"))) {
        control.stop();
        gate.open();
        assertEquals(200, finish(held, admin).status());
      }
      Reply unused = reply.join();
    }
  }

  /** A restart that waits in this phase. */
  CompletableFuture<Reply> restart(Phase phase, Gate gate) throws IOException {
    int generation = phase == Phase.STAND_IN_BOOTS ? 2 : 3;
    JsonObject request =
        Doubles.request(Doubles.gated(SingleApp.command(pid), generation, gate))
            .put("readyTimeout", LONG);
    CompletableFuture<Reply> reply = app.restartLater(request);
    app.log("waits at the gate");
    return reply;
  }

  /** The answer that says that it drains is the last one on its connection. */
  private Wire.Answer finish(Wire held, Wire admin) throws IOException {
    String ask = Wire.post("/status", "", false);
    app.await(
        "it drains",
        () -> {
          Reply reply = SingleApp.reply(admin.send(ask).answer());
          return reply.body().getString("state").equals("DRAINING");
        });
    return held.finish();
  }

  /** Zombies too. */
  static Set<Long> children(long pid) {
    try (Stream<ProcessHandle> children =
        ProcessHandle.of(pid).stream().flatMap(ProcessHandle::children)) {
      return children.map(ProcessHandle::pid).collect(Collectors.toSet());
    }
  }

  @Override
  public void close() {
    app.close();
  }
}
