package io.goagain.process;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.GoAgainServerFactory;
import io.goagain.ListenOptions;
import io.goagain.RestartMessages;
import io.goagain.load.Load;
import io.goagain.load.Report;
import io.goagain.process.AppProcess.Generation;
import io.vertx.core.Context;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a server says of its HTTP/1.1 connections: whether they move, and whom to tell. */
@Timeout(300)
class OptionsHandoverIT {

  /** The documented time in which a client that is active can be told. */
  private static final int IDLE_GRACE_MILLIS = 2_000;

  private static Generation handOver(SingleApp app) throws Exception {
    Generation old = app.process().newest();
    Generation next = Restarts.ask(app.process());
    app.log("generation %d: handed over".formatted(old.generation()));
    return next;
  }

  private static void closeAll(List<RawHttp> wires) throws IOException {
    for (RawHttp wire : wires) {
      wire.close();
    }
  }

  // ListenOptions.handover.

  static final class Stays implements TestProgram.Part {
    @Override
    public ListenOptions listen() {
      return new ListenOptions().setHandover(false);
    }

    @Override
    public void prepare(Vertx vertx, GoAgainServerFactory servers) {
      servers.handoverHandler("public", connection -> TestProgram.say("moves"));
    }
  }

  @Test
  void connectionsThatMayNotMoveAreToldToClose() throws Exception {
    try (SingleApp app = TestProgram.starter(Stays.class).start()) {
      AppProcess process = app.process();
      SocketAddress address = app.address("public");
      Generation first = process.newest();
      List<RawHttp> idle = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        idle.add(RawHttp.connect(address));
        assertEquals(first.pid(), idle.get(i).pid());
      }
      // As a browser opens them in advance.
      idle.add(RawHttp.connect(address));
      RawHttp active = RawHttp.connect(address);
      assertEquals(first.pid(), active.pid());
      RawHttp half = RawHttp.connect(address);
      assertEquals(first.pid(), half.pid());
      half.send("POST /status HTTP/1.1\r\nHost: goagain\r\nContent-Length: 2\r\n\r\n{");
      Load load = app.load(SingleApp.busy(address));
      try {
        Generation second = handOver(app);

        RawHttp.Answer last;
        do {
          last = active.get("/");
          assertEquals(first.pid(), last.pid());
        } while (!last.close());
        active.awaitEnd();
        active.close();
        try (RawHttp fresh = RawHttp.connect(address)) {
          assertEquals(second.pid(), fresh.pid());
        }
        for (RawHttp wire : idle) {
          wire.awaitEnd();
        }
        Restarts.poll("all are told", process, () -> load.report().keptConnections() == 0);
        load.awaitRequests(20);
        Report report = load.stop();
        assertEquals(Map.of(), report.failures(), report::toString);
        assertEquals(0, report.idleCloses(), report::toString);
        assertEquals(Set.of(1, 2), report.generations().keySet(), report::toString);

        // What was begun before can still be ended; so the old process can be asked.
        RawHttp.Answer answer = half.send("}").answer();
        assertTrue(answer.close());
        half.awaitEnd();
        JsonObject status = new JsonObject(answer.text());
        assertEquals(first.pid(), status.getLong("pid"), status::encode);
        JsonObject drain = status.getJsonObject("drain");
        assertEquals(0, drain.getInteger("moved"), status::encode);
        assertEquals(0, drain.getInteger("cut"), status::encode);
        assertTrue(drain.getInteger("closed") >= idle.size(), status::encode);
      } finally {
        closeAll(idle);
        active.close();
        half.close();
      }
      app.exited(first.pid(), 0);
      JsonObject drained = Restarts.awaitDrained(process, 1);
      assertEquals(0, drained.getInteger("moved"), drained::encode);
      assertEquals(0, drained.getInteger("cut"), drained::encode);
      int told = load.report().keepAliveClients() + 2;
      assertTrue(drained.getInteger("closed") >= idle.size() + told, drained::encode);
      assertTrue(drained.getLong("millis") >= IDLE_GRACE_MILLIS, drained::encode);
      JsonObject event =
          new JsonObject(app.log("generation 1: event (.*\"type\":\"drained\".*)").group(1));
      for (String count : List.of("finished", "closed", "moved", "cut", "millis")) {
        assertEquals(drained.getValue(count), event.getValue(count), count);
      }
      assertEquals(0, app.count("generation 1: moves"));
    }
  }

  /** Answers /stream in two parts, the second at SIGHUP. */
  static final class Streams implements TestProgram.Part {
    private final Promise<Void> goOn = Promise.promise();

    @Override
    public ListenOptions listen() {
      return new ListenOptions().setHandover(false);
    }

    @Override
    public void prepare(Vertx vertx, GoAgainServerFactory servers) {
      vertx.eventBus().localConsumer(RestartMessages.RELOAD, hup -> goOn.complete());
    }

    @Override
    public void handle(HttpServerRequest request) {
      HttpServerResponse response = request.response().putHeader("Content-Length", "10");
      response.write("begun").onSuccess(v -> goOn.future().onSuccess(w -> response.end("ended")));
    }
  }

  /**
   * After their grace the idle connections are gone; what was in the middle of a request is not.
   */
  @Test
  void aRequestThatWasBegunIsNotIdle() throws Exception {
    List<RawHttp> idle = new ArrayList<>();
    List<RawHttp> begun = new ArrayList<>();
    try (SingleApp app = TestProgram.starter(Streams.class).option("drainTimeout", 60_000).start();
        RawHttp stream = RawHttp.connect(app.address("public"))) {
      Generation first = app.process().newest();
      for (int i = 0; i < 6; i++) {
        for (List<RawHttp> wires : List.of(idle, begun)) {
          RawHttp wire = RawHttp.connect(app.address("public"));
          wires.add(wire);
          assertEquals(first.pid(), wire.pid());
        }
        begun.get(i).send("GET / HTTP/1.1\r\nHost: ");
      }
      stream.send(RawHttp.request("/stream"));
      assertEquals("HTTP/1.1 200 OK", stream.line());
      Generation ignored = handOver(app);
      for (RawHttp wire : idle) {
        wire.awaitEnd();
      }
      for (RawHttp wire : begun) {
        RawHttp.Answer answer = wire.send("goagain\r\n\r\n").answer();
        assertEquals(first.pid(), answer.pid());
        assertTrue(answer.close());
        wire.awaitEnd();
      }
      app.process().signal(first.pid(), "HUP");
      assertEquals("Content-Length: 10", stream.line());
      assertEquals("", stream.line());
      assertEquals("begunended", new String(stream.read(10), UTF_8));
      stream.awaitEnd();
      app.exited(first.pid(), 0);
      JsonObject drained = Restarts.awaitDrained(app.process(), 1);
      assertEquals(0, drained.getInteger("cut"), drained::encode);
    } finally {
      closeAll(idle);
      closeAll(begun);
    }
  }

  // GoAgainServerFactory.handoverHandler.

  /** Knows something of each connection from its beginning, and answers with it. */
  abstract static class Knows implements TestProgram.Part {
    private record Known(int number, Thread eventLoop) {}

    private final Map<HttpConnection, Known> connections = new ConcurrentHashMap<>();
    private final AtomicInteger numbers = new AtomicInteger();

    @Override
    public void configure(HttpServer server) {
      server.connectionHandler(
          connection -> {
            Known known = new Known(numbers.incrementAndGet(), Thread.currentThread());
            connections.put(connection, known);
            TestProgram.say("%d opens", known.number);
            connection.closeHandler(
                v ->
                    TestProgram.say(
                        "%d closes, %s",
                        known.number, connections.remove(connection) == null ? "dropped" : "kept"));
          });
    }

    @Override
    public void prepare(Vertx vertx, GoAgainServerFactory servers) {
      for (String name : List.of("public", "unix")) {
        servers.handoverHandler(name, this::moves);
      }
    }

    void moves(HttpConnection connection) {
      Known known = connections.remove(connection);
      boolean eventLoop =
          Context.isOnEventLoopThread() && Thread.currentThread() == known.eventLoop;
      TestProgram.say("%d moves, %s", known.number, eventLoop ? "event loop" : "elsewhere");
    }

    /** /number. */
    @Override
    public void handle(HttpServerRequest request) {
      request.response().end(connections.get(request.connection()).number + "");
    }
  }

  static final class KnowsAll extends Knows {}

  private static int number(RawHttp wire) throws IOException {
    return Integer.parseInt(wire.get("/number").text());
  }

  private static List<String> said(SingleApp app, int generation, int connection) {
    String before = "generation %d: %d ".formatted(generation, connection);
    return app.process().lines().stream()
        .filter(line -> line.startsWith(before))
        .map(line -> line.substring(before.length()))
        .toList();
  }

  private static final List<String> MOVED =
      List.of("opens", "moves, event loop", "closes, dropped");
  private static final List<String> ENDED = List.of("opens", "closes, kept");

  @Test
  void theApplicationIsToldOfEachConnectionThatMoves() throws Exception {
    SingleApp.Starter starter = TestProgram.starter(KnowsAll.class);
    Path path = starter.directory().resolve("http.sock");
    try (SingleApp app = starter.arguments("--unix", path.toString()).start()) {
      for (int generation = 1; generation <= 2; generation++) {
        movesAreTold(app);
      }
      app.log("generation 2: event .*\"type\":\"drained\"");
    }
  }

  private static void movesAreTold(SingleApp app) throws Exception {
    Generation old = app.process().newest();
    SocketAddress address = app.address("public");
    try (RawHttp idle = RawHttp.connect(address);
        RawHttp unix = RawHttp.connect(app.address("unix"));
        RawHttp busy = RawHttp.connect(address);
        RawHttp last = RawHttp.connect(address);
        RawHttp untouched = RawHttp.connect(address)) {
      int early;
      try (RawHttp closed = RawHttp.connect(address)) {
        early = number(closed);
      }
      app.log("generation %d: %d closes".formatted(old.generation(), early));
      int idleNumber = number(idle);
      int unixNumber = number(unix);
      int busyNumber = number(busy);
      int lastNumber = number(last);
      busy.send("GET /number HTTP/1.1\r\nHost: ");
      last.send("GET /number HTTP/1.1\r\nConnection: close\r\nHost: ");
      final Generation next = handOver(app);
      app.log("generation %d: %d closes".formatted(old.generation(), idleNumber));
      app.log("generation %d: %d closes".formatted(old.generation(), unixNumber));

      // Not before its request is answered.
      assertEquals(List.of("opens"), said(app, old.generation(), busyNumber));
      assertEquals(busyNumber, Integer.parseInt(busy.send("goagain\r\n\r\n").answer().text()));
      app.log("generation %d: %d closes".formatted(old.generation(), busyNumber));
      assertEquals(lastNumber, Integer.parseInt(last.send("goagain\r\n\r\n").answer().text()));
      app.log("generation %d: %d closes".formatted(old.generation(), lastNumber));
      last.awaitEnd();
      app.exited(old.pid(), 0);
      for (RawHttp wire : List.of(idle, unix, busy, untouched)) {
        assertEquals(next.pid(), wire.pid(), wire::toString);
      }
      for (int moved : new int[] {idleNumber, unixNumber, busyNumber}) {
        assertEquals(MOVED, said(app, old.generation(), moved), "connection " + moved);
      }
      for (int ended : new int[] {early, lastNumber}) {
        assertEquals(ENDED, said(app, old.generation(), ended), "connection " + ended);
      }
      for (RawHttp wire : List.of(idle, unix, busy)) {
        assertEquals(List.of("opens"), said(app, next.generation(), number(wire)));
      }
    }
  }

  /** Makes a connection of what has not said anything yet. */
  static final class KnowsAtOnce extends Knows {
    @Override
    public HttpServerOptions http() {
      return new HttpServerOptions().setHttp2ClearTextEnabled(false);
    }
  }

  /** At the stop that follows nothing moves, and nobody is told that it did. */
  @Test
  void theApplicationIsToldOfAConnectionWithoutRequests() throws Exception {
    SingleApp.Starter starter = TestProgram.starter(KnowsAtOnce.class).option("drainTimeout", 200);
    try (SingleApp app = starter.start();
        RawHttp untouched = RawHttp.connect(app.address("public"))) {
      Generation first = app.process().newest();
      app.log("generation 1: 1 opens");
      Generation second = Restarts.restart(app.process());
      assertEquals(second.pid(), untouched.pid());
      app.log("generation 1: 1 closes");
      assertEquals(MOVED, said(app, 1, 1));

      int number = number(untouched);
      app.process().signal("TERM");
      untouched.awaitEnd();
      app.log("generation 2: %d closes".formatted(number));
      assertEquals(ENDED, said(app, 2, number));
    }
  }

  /** Fails in one way, and in the other the next time. */
  static final class Fails implements TestProgram.Part {
    private int told;

    @Override
    public void prepare(Vertx vertx, GoAgainServerFactory servers) {
      servers.handoverHandler("public", connection -> fail());
    }

    private void fail() {
      TestProgram.say("moves");
      if (++told % 2 == 1) {
        throw new IllegalStateException("thrown by the application");
      }
      // As for a class that is gone with the old release.
      throw new NoClassDefFoundError("thrown by the application");
    }
  }

  /** The connection's client has no part in it. */
  @Test
  void aHandlerThatFailsDoesNotHoldAConnectionUp() throws Exception {
    // So that one that is held up is cut soon.
    try (SingleApp app = TestProgram.starter(Fails.class).option("drainTimeout", 20_000).start();
        RawHttp one = RawHttp.connect(app.address("public"));
        RawHttp two = RawHttp.connect(app.address("public"))) {
      Generation first = app.process().newest();
      for (RawHttp wire : List.of(one, two)) {
        assertEquals(first.pid(), wire.pid());
      }
      Generation second = Restarts.restart(app.process());
      JsonObject drained = Restarts.awaitDrained(app.process(), 1);
      assertEquals(2, drained.getInteger("moved"), drained::encode);
      for (RawHttp wire : List.of(one, two)) {
        assertEquals(second.pid(), wire.pid());
      }
      assertEquals(2, app.count("generation 1: moves"));
      assertEquals(1, app.count("IllegalStateException: thrown by the application"));
      assertEquals(1, app.count("NoClassDefFoundError: thrown by the application"));
    }
  }
}
