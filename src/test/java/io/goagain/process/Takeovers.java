package io.goagain.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.load.Load;
import io.goagain.load.Report;
import io.goagain.load.Workload;
import io.goagain.process.AppProcess.Generation;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * Processes that are started one after the other with one control socket, by the same command
 * unless the test changes it in between. The first one chooses the ports. Closing this kills all of
 * them, and what descends from them, and removes their directory.
 */
final class Takeovers implements AutoCloseable {
  private final Path directory = Files.createTempDirectory("goagain-it").toRealPath();
  private final String example;
  private final Map<String, String> environment = new HashMap<>();
  private final JsonObject options = new JsonObject();
  private final List<String> jvm = new ArrayList<>();
  private final List<String> wrapper = new ArrayList<>();
  private final Map<String, String> arguments = new LinkedHashMap<>();

  /** The name of a listener, by the argument that gives its port. */
  private final Map<String, String> ports = new LinkedHashMap<>(Map.of("port", "public"));

  private final List<AppProcess> processes = new ArrayList<>();
  private final List<Load> loads = new ArrayList<>();
  private Path jar = AppProcess.examples();
  private Class<? extends TestProgram.Part> part;
  private Path workingDirectory;
  private boolean anyPort;

  private Takeovers(String example) throws IOException {
    this.example = example;
    environment.put("_JAVA_SR_SIGNUM", "35");
    option("probation", 100);
    argument("control-socket", path().toString());
  }

  static Takeovers single() throws IOException {
    return of("single");
  }

  /** An example, by its name. */
  static Takeovers of(String example) throws IOException {
    return new Takeovers(example);
  }

  // How the next process is started.

  /** An option of RestartVerticle. */
  Takeovers option(String name, Object value) {
    options.put(name, value);
    return this;
  }

  /** An argument of the program; null removes it. */
  Takeovers argument(String name, String value) {
    if (value == null) {
      arguments.remove(name);
    } else {
      arguments.put(name, value);
    }
    return this;
  }

  /** A further TCP listener, with the argument that gives its port. */
  Takeovers port(String argument, String listener) {
    ports.put(argument, listener);
    return this;
  }

  /** Options of the JVM, in place of those that were set before. */
  Takeovers jvm(String... words) {
    jvm.clear();
    jvm.addAll(List.of(words));
    return this;
  }

  /** What comes before the command. */
  Takeovers wrapper(String... words) {
    wrapper.clear();
    wrapper.addAll(List.of(words));
    return this;
  }

  /** Where it listens is its own affair, as for the first one. */
  Takeovers anyPort() {
    anyPort = true;
    return this;
  }

  Takeovers jar(Path path) {
    jar = path;
    return this;
  }

  Takeovers workingDirectory(Path path) {
    workingDirectory = path;
    return this;
  }

  /** An application of the tests in place of the example; null for that again. */
  Takeovers part(Class<? extends TestProgram.Part> application) {
    part = application;
    return this;
  }

  /** Where the test may put files. */
  Path directory() {
    return directory;
  }

  /** The control socket. */
  Path path() {
    return directory.resolve("control.sock");
  }

  // The processes.

  /** Starts one more process, and does not wait for it. */
  AppProcess launch() throws IOException {
    Path temporary = Files.createDirectories(directory.resolve("tmp"));
    List<String> command = new ArrayList<>(wrapper);
    command.add(AppProcess.java());
    command.addAll(AppProcess.FAST);
    command.addAll(List.of("-Djava.io.tmpdir=" + temporary, "-Djna.tmpdir=" + temporary));
    command.addAll(jvm);
    if (part == null) {
      command.addAll(List.of("-jar", jar.toString(), example));
    } else {
      String classes = part.getProtectionDomain().getCodeSource().getLocation().getPath();
      command.addAll(List.of("-cp", jar + ":" + classes, TestProgram.class.getName()));
      command.addAll(List.of("--part", part.getName(), "--host", "127.0.0.1"));
    }
    for (Map.Entry<String, String> port : ports.entrySet()) {
      String address = processes.isEmpty() || anyPort ? ":0" : first().address(port.getValue());
      command.add("--" + port.getKey());
      command.add(address.substring(address.lastIndexOf(':') + 1));
    }
    command.addAll(List.of("--options", options.encode()));
    arguments.forEach((name, value) -> command.addAll(List.of("--" + name, value)));
    AppProcess process = AppProcess.run(command, environment, workingDirectory);
    processes.add(process);
    return process;
  }

  /** Starts one more process, which is to become this generation. */
  AppProcess start(int generation) throws IOException {
    AppProcess process = launch();
    Generation ready = process.awaitReady(generation);
    assertEquals(generation, ready.generation());
    // Printed after that: what is stopped now would never tell where it listens.
    ports.values().forEach(process::address);
    return process;
  }

  /** Starts the successor of a process, which has exited well when this returns. */
  AppProcess takeOver(AppProcess predecessor, int generation) throws Exception {
    AppProcess next = start(generation);
    assertExit(predecessor, 0);
    return next;
  }

  /** Starts a taker that has got what generation 1 listens on, and waits. */
  AppProcess gated(Gate gate) throws IOException {
    part(GatedPart.class).jvm("-Dgate=" + gate);
    AppProcess taker = launch();
    taker.awaitLine(line -> line.equals("generation 2: waits at the gate"), AppProcess.LIMIT);
    part(null).jvm();
    return taker;
  }

  /** Starts a taker, which has asked, or is about to, a process that stands still. */
  AppProcess asking() throws IOException {
    AppProcess taker = launch();
    await(
        "it asks",
        () ->
            taker.threads(taker.pid()).stream().anyMatch(name -> name.startsWith("goagain-take")));
    return taker;
  }

  AppProcess first() {
    return processes.get(0);
  }

  /** Waits for the end of the first process of these. */
  static void assertExit(AppProcess process, int code) throws InterruptedException {
    int actual = process.exitCode();
    assertEquals(code, actual, () -> process.failure("exit code").getMessage());
  }

  /** Waits for the end of a taker that fails, and for what it says. */
  static void assertFails(AppProcess process, String says) throws InterruptedException {
    assertExit(process, 1);
    assertTrue(
        process.fromStart().awaitLine(line -> line.contains(says), AppProcess.LIMIT) != null);
  }

  // What they do.

  SocketAddress address(String listener) {
    return first().socketAddress(listener);
  }

  /** Whichever process answers on the control socket. */
  JsonObject status() throws IOException {
    Wire.Answer answer = get(path(), "/status");
    assertEquals(200, answer.status(), answer::toString);
    return new JsonObject(answer.body());
  }

  static Wire.Answer get(Path socket, String path) throws IOException {
    try (Wire wire = Wire.open(UnixDomainSocketAddress.of(socket))) {
      return wire.send(Wire.get(path)).answer();
    }
  }

  /** Asks whoever serves for a restart. */
  SingleApp.Reply restart(JsonObject request) throws IOException {
    try (Wire wire = Wire.open(UnixDomainSocketAddress.of(path()))) {
      return SingleApp.reply(wire.send(Wire.post("/restart", request.encode(), true)).answer());
    }
  }

  /** Waits until a process is alone. */
  void awaitServing(long pid, int generation) {
    await(
        "generation " + generation + " serves",
        () -> {
          JsonObject status = status();
          return status.getString("state").equals("SERVING")
              && status.getLong("pid") == pid
              && status.getInteger("generation") == generation;
        });
  }

  /** Of the client "/": the generation and the process that answer on a new connection. */
  Generation answering() throws IOException {
    try (RawHttp wire = RawHttp.connect(address("public"))) {
      RawHttp.Answer answer = wire.get("/");
      return new Generation(answer.generation(), answer.pid());
    }
  }

  /** About 150 requests a second; returns when it is in full swing. */
  Load load() throws InterruptedException {
    SocketAddress address = address("public");
    return load(SingleApp.busy(address).add(Workload.slow(address, 2, 2, Duration.ofMillis(300))));
  }

  /** Starts a load that is closed with this. */
  Load load(Load load) throws InterruptedException {
    loads.add(load);
    load.start().awaitRequests(20);
    return load;
  }

  /** That all went well, no connection was lost, and each of these generations answered. */
  static void assertAllKept(Load load, Integer... generations) throws InterruptedException {
    SingleApp.assertNothingLost(load, generations);
    Report report = load.stop();
    assertEquals(0, report.reconnects(), report::toString);
    assertEquals(report.keepAliveClients(), report.keptConnections(), report::toString);
  }

  /** A next takeover is as good as any, and a stop leaves nothing behind. */
  void assertGoesOn(AppProcess serving, int generation) throws Exception {
    Load load = load();
    AppProcess next = takeOver(serving, generation + 1);
    awaitServing(next.pid(), generation + 1);
    assertAllKept(load, generation, generation + 1);
    next.signal(next.pid(), "TERM");
    assertExit(next, 0);
    assertTrue(Files.notExists(path()), next.lines()::toString);
    assertTrue(Wire.refused(address("public")));
  }

  /** Waits for what nobody tells. */
  void await(String what, SingleApp.Condition condition) {
    long deadline = System.nanoTime() + AppProcess.LIMIT.toNanos();
    IOException last = null;
    while (System.nanoTime() - deadline < 0 && !Thread.currentThread().isInterrupted()) {
      try {
        if (condition.holds()) {
          return;
        }
      } catch (IOException e) {
        last = e; // while the socket passes from one process to the next after a death
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
    }
    AssertionError failure = failure("waited until " + what);
    if (last != null) {
      failure.addSuppressed(last);
    }
    throw failure;
  }

  /** An error with all that any of them has printed. */
  AssertionError failure(String what) {
    StringBuilder text = new StringBuilder(what);
    for (AppProcess process : processes) {
      text.append("\nprocess ").append(process.pid()).append(":\n  ");
      text.append(String.join("\n  ", process.lines()));
    }
    return new AssertionError(text.toString());
  }

  @Override
  public void close() throws IOException {
    loads.forEach(Load::close);
    processes.forEach(AppProcess::close);
    try (Stream<Path> files = Files.walk(directory)) {
      files.sorted(Comparator.reverseOrder()).forEach(file -> assertTrue(file.toFile().delete()));
    }
  }
}
