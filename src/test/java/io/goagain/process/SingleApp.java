package io.goagain.process;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.load.Load;
import io.goagain.load.Report;
import io.goagain.load.Workload;
import io.goagain.process.AppProcess.Generation;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The example "single" and all its generations, with an admin port, a directory of their own, and a
 * load when it is asked for. Closing it kills them and removes the directory.
 */
final class SingleApp implements AutoCloseable {
  private static final String ID = "SINGLE_APP_ID";

  /** What the admin port answered. */
  record Reply(int status, JsonObject body) {
    int code() {
      return body.getInteger("code");
    }

    String message() {
      return body.getString("message");
    }
  }

  /** Gives the command of a supervisor, which runs a command. */
  interface Supervisor {
    List<String> around(List<String> command) throws IOException;
  }

  /** How generation 1 is started. */
  static final class Starter {
    private final Path directory;
    private final List<String> jvm = new ArrayList<>();
    private final List<String> arguments = new ArrayList<>();
    private final Map<String, String> environment = new HashMap<>();
    private final JsonObject options = new JsonObject();
    private final List<String> wrapper = new ArrayList<>();
    private String java = AppProcess.java();
    private String jar = AppProcess.examples().toString();
    private String host = "127.0.0.1";
    private List<String> fast = AppProcess.FAST;
    private Path workingDirectory;
    private Class<?> program;
    private Supervisor supervisor = command -> command;

    private Starter() throws IOException {
      directory = Files.createTempDirectory("goagain-it").toRealPath();
      // Away from HotSpot, as the documentation says that generation 1 is to be started.
      environment.put("_JAVA_SR_SIGNUM", "35");
      // The tests look at what comes after it.
      option("probation", 100);
    }

    /** Where the test may put files. */
    Path directory() {
      return directory;
    }

    Starter jvm(String... options) {
      jvm.addAll(List.of(options));
      return this;
    }

    /** Lets the library keep archives of its own: in this directory. */
    Starter archives(Path archives) {
      fast = AppProcess.WITHOUT_ARCHIVE;
      return option("archiveDirectory", archives.toString());
    }

    Starter arguments(String... more) {
      arguments.addAll(List.of(more));
      return this;
    }

    Starter host(String address) {
      host = address;
      return this;
    }

    /** An option of RestartVerticle. */
    Starter option(String name, Object value) {
      options.put(name, value);
      return this;
    }

    /** An empty value removes the variable. */
    Starter environment(String name, String value) {
      environment.put(name, value);
      return this;
    }

    Starter workingDirectory(Path path) {
      workingDirectory = path;
      return this;
    }

    /** The words of the command, as they are typed. */
    Starter command(String java, String jar) {
      this.java = java;
      this.jar = jar;
      return this;
    }

    /** A program of the tests, in place of the example; it gets the same arguments. */
    Starter program(Class<?> main) {
      program = main;
      return this;
    }

    /** What comes before the command: {@code sh -c '...; exec "$@"' sh}. */
    Starter wrapper(String... words) {
      wrapper.addAll(List.of(words));
      return this;
    }

    /** Who starts the command. */
    Starter supervisor(Supervisor supervisor) {
      this.supervisor = supervisor;
      return this;
    }

    SingleApp start() throws IOException {
      Path temporary = Files.createDirectories(directory.resolve("tmp"));
      List<String> command = new ArrayList<>();
      command.add(java);
      command.addAll(fast);
      command.addAll(List.of("-Djava.io.tmpdir=" + temporary, "-Djna.tmpdir=" + temporary));
      command.addAll(jvm);
      if (program == null) {
        command.addAll(List.of("-jar", jar, "single"));
      } else {
        URI classes = URI.create(program.getProtectionDomain().getCodeSource().getLocation() + "");
        command.addAll(List.of("-cp", jar + ":" + Path.of(classes), program.getName()));
      }
      command.addAll(List.of("--host", host, "--port", "0"));
      command.addAll(List.of("--admin", "0", "--options", options.encode()));
      command.addAll(arguments);
      command = supervisor.around(command);
      command.addAll(0, wrapper);
      String id = UUID.randomUUID().toString();
      environment.put(ID, id);
      AppProcess process = AppProcess.run(command, environment, workingDirectory);
      SingleApp app = new SingleApp(process, directory, id);
      try {
        app.process.awaitReady(1);
        app.admin = app.address("admin");
        return app;
      } catch (AssertionError e) {
        app.close();
        throw e;
      }
    }
  }

  private final AppProcess process;
  private final Path directory;
  private final String id;
  private final List<Load> loads = new ArrayList<>();
  private SocketAddress admin;

  private SingleApp(AppProcess process, Path directory, String id) {
    this.process = process;
    this.directory = directory;
    this.id = id;
  }

  static Starter starter() throws IOException {
    return new Starter();
  }

  /** Generation 1 with nothing special. */
  static SingleApp start() throws IOException {
    return starter().start();
  }

  AppProcess process() {
    return process;
  }

  Path directory() {
    return directory;
  }

  /** Of every generation. */
  Path temporaryDirectory() {
    return directory.resolve("tmp");
  }

  /** Where a listener is, by the family that it has, unlike {@link AppProcess#socketAddress}. */
  SocketAddress address(String listener) {
    String address = process.address(listener);
    if (!address.startsWith("[")) {
      return process.socketAddress(listener);
    }
    int colon = address.lastIndexOf(':');
    try {
      return new InetSocketAddress(
          InetAddress.getByName(address.substring(1, colon - 1)),
          Integer.parseInt(address.substring(colon + 1)));
    } catch (IOException e) {
      throw new AssertionError(address, e);
    }
  }

  // The load.

  /** About 150 requests a second; returns when it is in full swing. */
  Load load() throws InterruptedException {
    return load("public");
  }

  /** On another listener. */
  Load load(String listener) throws InterruptedException {
    SocketAddress address = address(listener);
    return load(busy(address).add(Workload.slow(address, 2, 2, Duration.ofMillis(300))));
  }

  /** Starts a load that is closed with this. */
  Load load(Load load) throws InterruptedException {
    loads.add(load);
    load.start().awaitRequests(20);
    return load;
  }

  /** No connection is idle for more than a tenth of a second. */
  static Load busy(SocketAddress address) {
    return new Load()
        .add(Workload.gets(address, 4, 40))
        .add(Workload.connects(address, 2, 20))
        .add(Workload.echoes(address, 2, 20));
  }

  /**
   * Goes on for a while, stops, and fails unless each of these generations, and no other, answered.
   */
  static void assertNothingLost(Load load, Integer... generations) throws InterruptedException {
    load.awaitRequests(20);
    Report report = load.stop();
    assertEquals(Map.of(), report.failures(), report::toString);
    assertEquals(Set.of(generations), report.generations().keySet(), report::toString);
  }

  // The admin port.

  /** Asks for a restart as the options say. */
  Reply restart() throws IOException {
    return post("/restart", "");
  }

  Reply restart(JsonObject request) throws IOException {
    return post("/restart", request.encode());
  }

  /** Asks for a restart that is to succeed, and waits until the predecessor has exited with 0. */
  Reply restartWell(JsonObject request) throws Exception {
    Generation before = process.newest();
    Reply reply = request == null ? restart() : restart(request);
    assertEquals(200, reply.status(), () -> process.failure(reply.toString()).getMessage());
    handedOver(before);
    return reply;
  }

  /** The same, without waiting for the outcome. */
  CompletableFuture<Reply> restartLater(JsonObject request) {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            return restart(request);
          } catch (IOException e) {
            throw new CompletionException(e);
          }
        });
  }

  JsonObject status() throws IOException {
    Reply reply = post("/status", "");
    assertEquals(200, reply.status(), reply::toString);
    return reply.body();
  }

  Reply post(String path, String body) throws IOException {
    try (Wire wire = Wire.open(admin)) {
      return reply(wire.send(Wire.post(path, body, true)).answer());
    }
  }

  /** A connection to the admin port, for more than one request. */
  Wire adminWire() throws IOException {
    return Wire.open(admin);
  }

  static Reply reply(Wire.Answer answer) {
    return new Reply(answer.status(), new JsonObject(answer.body()));
  }

  // The processes.

  /** Waits until the generation after this one serves and this one has exited with 0. */
  Generation handedOver(Generation before) throws InterruptedException {
    Generation next = process.awaitReady(before.generation() + 1);
    exited(before.pid(), 0);
    return next;
  }

  /** Waits for an exit; the code is known of generation 1 and of zombies only. */
  void exited(long pid, int code) throws InterruptedException {
    assertEquals(
        code,
        process.awaitExit(pid).orElse(code),
        () -> process.failure("exit code of " + pid).getMessage());
  }

  /** Waits for a line of any of the processes' logs, from the first one on. */
  MatchResult log(String pattern) {
    return process.fromStart().awaitLine(Pattern.compile(pattern));
  }

  /** Waits until the successor has been spawned, and returns its pid. */
  long spawned(int generation) {
    return Long.parseLong(log("spawned generation " + generation + " as process (\\d+)").group(1));
  }

  /** How many lines contain the text. */
  long count(String text) {
    return process.lines().stream().filter(line -> line.contains(text)).count();
  }

  /** All processes, of whatever program, that descend from generation 1. */
  Set<Long> processes() {
    String mark = ID + "=" + id;
    try (Stream<ProcessHandle> all = ProcessHandle.allProcesses()) {
      return all.map(ProcessHandle::pid)
          .filter(pid -> process.isAlive(pid) && strings(pid, "environ").contains(mark))
          .collect(Collectors.toSet());
    }
  }

  /** Waits until one process is all that is left, without children, zombies included. */
  void awaitAlone(long pid) {
    await("only " + pid + " is left", () -> processes().equals(Set.of(pid)));
    List<Long> children =
        ProcessHandle.of(pid).orElseThrow().children().map(ProcessHandle::pid).toList();
    assertEquals(List.of(), children, () -> process.failure("children").getMessage());
  }

  /** {@code cmdline} or {@code environ} of a process; nothing if it is gone. */
  static List<String> strings(long pid, String file) {
    try {
      String all = Files.readString(Path.of("/proc", Long.toString(pid), file));
      return List.of(all.split("\0", -1)).subList(0, (int) all.chars().filter(c -> c == 0).count());
    } catch (IOException e) {
      return List.of();
    }
  }

  /** The words that a generation was started with, to be used as {@code command}. */
  static JsonArray command(long pid) {
    return new JsonArray(new ArrayList<>(strings(pid, "cmdline")));
  }

  /** How many descriptors a process has of each kind: what they are, without their numbers. */
  Map<String, Long> descriptorKinds(long pid) throws IOException {
    return process.openDescriptors(pid).values().stream()
        // JNA opens it with the first call that needs it, once: libffi's memory for code.
        .filter(target -> !target.startsWith("/tmp/ffi"))
        .map(target -> target.replaceAll("\\[\\d+\\]", ""))
        .collect(Collectors.groupingBy(target -> target, TreeMap::new, Collectors.counting()));
  }

  /** Those that a process has when it opens and closes nothing. */
  Map<String, Long> settledDescriptors(long pid) throws IOException {
    Map<?, ?>[] last = {Map.of()};
    int[] same = {0};
    await(
        "nothing is opened or closed",
        () -> {
          Map<String, Long> now = descriptorKinds(pid);
          same[0] = now.equals(last[0]) ? same[0] + 1 : 0;
          last[0] = now;
          return same[0] == 20;
        });
    return descriptorKinds(pid);
  }

  /** Waits until there are no more of any kind than before. */
  void awaitNoMoreDescriptors(long pid, Map<String, Long> before) {
    Map<?, ?>[] now = {Map.of()};
    try {
      await(
          "the descriptors are those of before",
          () -> {
            Map<String, Long> kinds = descriptorKinds(pid);
            now[0] = kinds;
            return kinds.entrySet().stream()
                .allMatch(kind -> kind.getValue() <= before.getOrDefault(kind.getKey(), 0L));
          });
    } catch (AssertionError e) {
      assertEquals(before, now[0], e.getMessage());
    }
  }

  /** Fails if there is a file left in the directory. */
  static void assertEmpty(Path directory) throws IOException {
    try (Stream<Path> left = Files.list(directory)) {
      assertEquals(List.of(), left.toList());
    }
  }

  /** Writes an executable script of the shell. */
  static Path script(Path file, String... lines) throws IOException {
    Files.writeString(file, "#!/bin/sh\n" + String.join("\n", lines) + "\n", UTF_8);
    assertTrue(file.toFile().setExecutable(true));
    return file;
  }

  /** A condition that is asked again and again. */
  interface Condition {
    boolean holds() throws IOException;
  }

  /** Waits for what nobody tells: the kernel's tables, and what others do with their sockets. */
  void await(String what, Condition condition) {
    long deadline = System.nanoTime() + AppProcess.LIMIT.toNanos();
    try {
      while (!condition.holds()) {
        if (System.nanoTime() - deadline > 0 || Thread.currentThread().isInterrupted()) {
          throw process.failure("waited until " + what);
        }
        // Not too often: most conditions ask the process, or look at all that there are.
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
      }
    } catch (IOException e) {
      throw new AssertionError("while waiting until " + what, e);
    }
  }

  @Override
  public void close() {
    loads.forEach(Load::close);
    process.close();
    try (Stream<Path> files = Files.walk(directory)) {
      files.sorted(Comparator.reverseOrder()).forEach(file -> assertTrue(file.toFile().delete()));
    } catch (IOException e) {
      throw new AssertionError("cleaning up", e);
    }
  }
}
