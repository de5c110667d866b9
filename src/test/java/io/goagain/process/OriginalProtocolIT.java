package io.goagain.process;

import static io.goagain.process.Doubles.assertServes;
import static io.goagain.process.Doubles.awaitAlone;
import static io.goagain.process.SingleApp.assertNothingLost;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.goagain.RestartFailure;
import io.goagain.load.Load;
import io.goagain.load.Report;
import io.goagain.load.Workload;
import io.goagain.process.AppProcess.Generation;
import io.goagain.process.SingleApp.Reply;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.File;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Handovers between this library and programs that know the variables and signals of
 * rcrowley/goagain only. They cannot take connections over: clients are told to close theirs.
 */
@EnabledOnOs(OS.LINUX)
@Timeout(300)
class OriginalProtocolIT {

  /** What the peers call themselves, whichever process they are. */
  private static final int PEER = 100;

  @TempDir static Path directory;

  /** The program at the other end. */
  enum Peer {
    GO {
      @Override
      List<String> program() throws IOException, InterruptedException {
        assumeTrue(hasGo(), "there is no go on PATH: the peer in Java has to do");
        Path binary = directory.resolve("peer");
        if (!Files.exists(binary)) {
          String source = Path.of("src/test/go/peer/main.go").toAbsolutePath().toString();
          Path said = directory.resolve("go-build");
          ProcessBuilder build =
              new ProcessBuilder("go", "build", "-o", binary.toString(), source)
                  .redirectErrorStream(true)
                  .redirectOutput(said.toFile());
          assertEquals(0, build.start().waitFor(), () -> read(said));
        }
        return List.of(binary.toString());
      }
    },
    JAVA {
      @Override
      List<String> program() throws IOException, InterruptedException {
        assumeTrue(blocksSignals(), "env(1) cannot block signals here: the peer in Go has to do");
        List<String> program = new ArrayList<>(OriginalPeer.prefix());
        program.add(AppProcess.java());
        program.addAll(AppProcess.FAST);
        program.add("-Xrs");
        program.add("-Djava.io.tmpdir=" + directory);
        program.add("-Djna.tmpdir=" + directory);
        program.add("-cp");
        program.add(System.getProperty("java.class.path"));
        program.add(OriginalPeer.class.getName());
        return program;
      }
    };

    abstract List<String> program() throws IOException, InterruptedException;

    /** The command of one that runs another program as its successor, or itself again. */
    List<String> command(String strategy, List<String> next)
        throws IOException, InterruptedException {
      List<String> command = new ArrayList<>(program());
      command.add(strategy);
      command.add("127.0.0.1:0");
      command.addAll(next);
      return command;
    }

    JsonObject request(String strategy) throws IOException, InterruptedException {
      return request(strategy, List.of());
    }

    JsonObject request(String strategy, List<String> next)
        throws IOException, InterruptedException {
      return new JsonObject()
          .put("command", new JsonArray(command(strategy, next)))
          .put("strategy", strategy);
    }
  }

  private static boolean hasGo() {
    return Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
        .anyMatch(place -> Files.isExecutable(Path.of(place, "go")));
  }

  private static boolean blocksSignals() throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(OriginalPeer.prefix());
    command.add("true");
    return new ProcessBuilder(command).start().waitFor() == 0;
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }

  // The peer is the successor.

  /** And back again: what one leaves blocked must not make the next one deaf. */
  @ParameterizedTest
  @EnumSource
  void aPeerTakesOver(Peer peer) throws Exception {
    try (SingleApp app = SingleApp.start()) {
      Load load = app.load(load(app.address("public")));
      app.process().fromNow();
      Reply reply = app.restart(peer.request("single", ours("single")));
      assertEquals(200, reply.status(), reply::toString);
      Generation middle = Restarts.awaitReady(app.process());
      assertEquals(PEER, middle.generation());
      assertEquals(middle.pid(), reply.body().getLong("pid"), reply::toString);
      assertEquals(0, app.process().exitCode());
      awaitAlone(app, middle.pid());
      load.awaitRequests(20);

      Generation back = Restarts.ask(app.process());
      assertEquals(1, back.generation());
      app.exited(middle.pid(), 0);
      Generation next = Restarts.restart(app.process());
      assertEquals(2, next.generation());
      assertNothingLost(load, 1, 2, PEER);
      awaitAlone(app, next.pid());
    }
  }

  @ParameterizedTest
  @EnumSource
  void aPeerIsTheNextImage(Peer peer) throws Exception {
    try (SingleApp app = SingleApp.start()) {
      Generation first = app.process().newest();
      Load load = app.load(load(app.address("public")));
      app.process().fromNow();
      Reply reply = app.restart(peer.request("double"));
      assertEquals(200, reply.status(), reply::toString);
      Generation standIn = Restarts.awaitReady(app.process());
      assertEquals(standIn.pid(), reply.body().getLong("pid"), reply::toString);
      assertEquals(new Generation(PEER, first.pid()), Restarts.awaitReady(app.process()));
      app.log("peer " + first.pid() + " sends signal 3 to process " + standIn.pid());
      awaitAlone(app, first.pid());
      load.awaitRequests(20);
      assertNothingLost(load, 1, PEER);
      Report report = load.stop();
      assertEquals(Set.of(first.pid(), standIn.pid()), report.pids().keySet(), report::toString);
      assertTrue(Wire.refused(app.address("admin")), "the protocol knows one listener");

      // And that image goes on in the same way.
      app.process().fromNow().signal(first.pid(), "USR2");
      assertNotEquals(first.pid(), Restarts.awaitReady(app.process()).pid());
      assertEquals(first.pid(), Restarts.awaitReady(app.process()).pid());
      awaitAlone(app, first.pid());
      app.process().signal(first.pid(), "TERM");
      Doubles.awaitNobody(app);
    }
  }

  // The peer is the predecessor.

  /** Our program, which asks for the address that it inherits, with an admin port of its own. */
  private static List<String> ours(String strategy) {
    List<String> command = new ArrayList<>();
    command.add("sh");
    command.add("-c");
    command.add("port=${GOAGAIN_NAME%->}; exec \"$@\" --port ${port##*:}");
    command.add("sh");
    command.add(AppProcess.java());
    command.addAll(AppProcess.FAST);
    command.add("-Djava.io.tmpdir=" + directory);
    command.add("-Djna.tmpdir=" + directory);
    command.add("-jar");
    command.add(AppProcess.examples().toString());
    command.add("single");
    command.add("--options");
    command.add(new JsonObject().put("strategy", strategy).put("probation", 100).encode());
    return command;
  }

  private static AppProcess start(Peer peer, String strategy) throws Exception {
    AppProcess app =
        AppProcess.run(
            peer.command(strategy, ours(strategy)), Map.of("_JAVA_SR_SIGNUM", "35"), null);
    assertEquals(PEER, app.newest().generation());
    return app;
  }

  private static Load load(SocketAddress address) {
    return SingleApp.busy(address).add(Workload.slow(address, 2, 4, Duration.ofMillis(300)));
  }

  private static void awaitNoChildren(AppProcess app, long pid) throws InterruptedException {
    Restarts.poll(
        "no children, zombies included",
        app,
        () -> ProcessHandle.of(pid).orElseThrow().children().findAny().isEmpty());
  }

  @ParameterizedTest
  @EnumSource
  void ourProcessTakesOver(Peer peer) throws Exception {
    try (AppProcess app = start(peer, "single");
        Load load = load(app.socketAddress("public")).start()) {
      load.awaitRequests(20);
      Generation first = Restarts.ask(app);
      assertEquals(1, first.generation());
      app.fromStart().awaitLine(Pattern.compile("peer \\d+ got signal 3"));
      assertEquals(0, app.exitCode());
      load.awaitRequests(20);
      Generation second = Restarts.restart(app);
      assertEquals(2, second.generation());
      assertNothingLost(load, PEER, 1, 2);
      awaitNoChildren(app, second.pid());
      app.signal("TERM");
      Restarts.awaitGone(app, second.pid());
    }
  }

  @ParameterizedTest
  @EnumSource
  void ourProcessIsTheNextImage(Peer peer) throws Exception {
    try (AppProcess app = start(peer, "double");
        Load load = load(app.socketAddress("public")).start()) {
      load.awaitRequests(20);
      Generation standIn = Restarts.ask(app);
      assertEquals(1, standIn.generation());
      assertNotEquals(app.pid(), standIn.pid());
      assertEquals(new Generation(1, app.pid()), Restarts.awaitReady(app));
      Restarts.awaitGone(app, standIn.pid());
      awaitNoChildren(app, app.pid());
      assertTrue(
          app.lines().stream().anyMatch(l -> l.contains("SIGTERM to process " + standIn.pid())),
          () -> app.failure("SIGTERM").getMessage());
      load.awaitRequests(20);

      Generation second = Restarts.ask(app);
      assertEquals(2, second.generation());
      assertEquals(new Generation(3, app.pid()), Restarts.awaitReady(app));
      Restarts.awaitGone(app, second.pid());
      awaitNoChildren(app, app.pid());
      assertNothingLost(load, PEER, 1, 2, 3);
      app.signal("TERM");
      assertEquals(0, app.exitCode());
    }
  }

  // What can go wrong.

  @Test
  void staleVariablesAreIgnored() throws Exception {
    Process other = new ProcessBuilder("sh", "-c", "read -r line").start();
    String pid = Long.toString(other.pid());
    SingleApp.Starter starter =
        SingleApp.starter()
            .environment("GOAGAIN_FD", "3")
            .environment("GOAGAIN_NAME", "tcp:127.0.0.1:8080->")
            .environment("GOAGAIN_PID", pid)
            .environment("GOAGAIN_PPID", pid)
            .environment("GOAGAIN_SIGNAL", "9");
    try (SingleApp app = starter.start()) {
      app.log("GOAGAIN_FD is ignored");
      Load load = app.load();
      app.restartWell(null);
      assertNothingLost(load, 1, 2);
      // It is the parent of nobody here, and nobody's child: nothing was sent to it.
      assertTrue(other.isAlive());
      assertEquals(
          List.of(),
          SingleApp.strings(app.process().newest().pid(), "environ").stream()
              .filter(variable -> variable.equals("GOAGAIN_SIGNAL=9"))
              .toList());
    } finally {
      other.destroyForcibly().waitFor();
    }
  }

  /** The parent is the one that the variables name, but it has left no listener. */
  @Test
  void variablesWithoutAListenerAreIgnored() throws Exception {
    SingleApp.Starter starter =
        SingleApp.starter()
            .environment("GOAGAIN_FD", "77")
            .environment("GOAGAIN_PPID", Long.toString(ProcessHandle.current().pid()))
            .environment("GOAGAIN_SIGNAL", "9");
    try (SingleApp app = starter.start()) {
      app.log("GOAGAIN_FD is ignored: .*descriptor 77");
      assertServes(app, app.process().newest());
    }
  }

  @Test
  void aTerminalThatIsResizedEndsNoHandover() throws Exception {
    try (SingleApp app = SingleApp.start();
        Gate gate = Gate.in(app)) {
      Generation first = app.process().newest();
      CompletableFuture<Reply> reply =
          app.restartLater(
              new JsonObject()
                  .put("command", Doubles.gated(app, 2, gate))
                  .put("readyTimeout", 60_000));
      app.log("waits at the gate");
      app.process().signal(first.pid(), "WINCH");
      // The thread that hands signals out does so in their order: this one is behind.
      app.process().signal(first.pid(), "USR2");
      app.log("a restart is remembered");
      assertEquals(first.pid(), hello(app).pid());
      assertEquals("AWAITING_READY", app.status().getString("state"));
      gate.open();
      assertEquals(200, reply.get().status());
      app.handedOver(first);
    }
  }

  @ParameterizedTest
  @EnumSource
  void aPeerThatDiesEarlyChangesNothing(Peer peer) throws Exception {
    try (SingleApp app = SingleApp.start()) {
      Generation first = app.process().newest();
      Load load = app.load();
      for (String strategy : List.of("single", "double")) {
        Reply reply =
            app.restart(
                peer.request(strategy).put("environment", new JsonObject().put("PEER_DIES", "1")));
        assertEquals(500, reply.status(), reply::toString);
        assertEquals(RestartFailure.SUCCESSOR_EXITED.code(), reply.code(), reply::toString);
        assertTrue(reply.message().contains("exit code 3"), reply::toString);
        assertServes(app, first);
        awaitAlone(app, first.pid());
      }
      app.restartWell(null);
      Doubles.assertNothingLostAndAllKept(load, 1, 2);
    }
  }

  @ParameterizedTest
  @EnumSource
  void aPeerThatDiesOnProbationIsReplaced(Peer peer) throws Exception {
    try (SingleApp app = SingleApp.starter().option("probation", 60_000).start()) {
      Generation first = app.process().newest();
      Reply reply = app.restart(peer.request("single"));
      assertEquals(200, reply.status(), reply::toString);
      Generation next = app.process().awaitReady(PEER);
      assertEquals(PEER, hello(app).generation());
      app.process().kill9(next.pid());
      app.log(RestartFailure.SUCCESSOR_LOST + ": Process " + next.pid());
      assertEquals(first.pid(), hello(app).pid());
      awaitAlone(app, first.pid());
      Load load = app.load();
      assertEquals(200, app.restart().status());
      assertEquals(2, hello(app).generation());
      load.awaitRequests(20);
      assertNothingLost(load, 1, 2);
    }
  }

  /** Not a server: whatever a successor is, it may be done in less time than it takes to spawn. */
  @Test
  void aSuccessorMayBeFast() throws Exception {
    try (SingleApp app = SingleApp.starter().option("probation", 60_000).start()) {
      Generation first = app.process().newest();
      JsonArray command =
          new JsonArray(
              List.of("sh", "-c", "kill -$GOAGAIN_SIGNAL $GOAGAIN_PPID; exec sleep 1000"));
      for (int i = 0; i < 10; i++) {
        Reply reply =
            app.restart(new JsonObject().put("command", command).put("readyTimeout", 5_000));
        assertEquals(200, reply.status(), reply::toString);
        long pid = reply.body().getLong("pid");
        app.process().kill9(pid);
        app.log(RestartFailure.SUCCESSOR_LOST + ": Process " + pid);
        assertEquals(first.pid(), hello(app).pid());
      }
    }
  }

  /** The process that is to execute waits for a request, and its stand-in dies meanwhile. */
  @ParameterizedTest
  @EnumSource
  void aStandInThatDiesIsReplaced(Peer peer) throws Exception {
    try (SingleApp app = SingleApp.start();
        Wire held = Wire.held(app.address("public"))) {
      Generation first = app.process().newest();
      Reply reply = app.restart(peer.request("double"));
      assertEquals(200, reply.status(), reply::toString);
      Generation standIn = app.process().awaitReady(PEER);
      assertEquals(PEER, hello(app).generation());
      app.process().kill9(standIn.pid());
      app.log(RestartFailure.SUCCESSOR_LOST + ": Process " + standIn.pid());
      assertEquals(first.pid(), hello(app).pid());
      assertEquals(200, held.finish().status());
      assertServes(app, first);
      awaitAlone(app, first.pid());
    }
  }

  private static RawHttp.Answer hello(SingleApp app) throws IOException {
    try (RawHttp wire = RawHttp.connect(app.address("public"))) {
      return wire.get("/");
    }
  }
}
