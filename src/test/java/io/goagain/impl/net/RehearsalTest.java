package io.goagain.impl.net;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.impl.posix.OpenDescriptors;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.net.SocketAddress;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Connections of this process move to this process, and their clients do not notice. */
@EnabledOnOs(OS.LINUX)
@Timeout(60)
class RehearsalTest {

  private static final SocketAddress ANY_PORT = SocketAddress.inetSocketAddress(0, "127.0.0.1");
  private static final int MOVES = 20;

  private final BlockingQueue<Runnable> later = new LinkedBlockingQueue<>();
  private TestGeneration generation;
  private Listener listener;
  private PrivateDoor door;
  private Rehearsal rehearsal;

  @BeforeEach
  void start() throws Exception {
    generation = TestGeneration.first();
    listener = generation.http("public", new HttpServerOptions(), ANY_PORT, this::handle);
    door = PrivateDoor.open(generation.listeners, listener).get(20, TimeUnit.SECONDS);
    rehearsal = Rehearsal.open(generation.listeners);
  }

  @AfterEach
  void stop() throws Exception {
    rehearsal.close();
    door.close();
    generation.close();
  }

  /** Answers with what tells a connection of Vert.x from the one that has the same client later. */
  private void handle(HttpServerRequest request) {
    String answer = Integer.toString(System.identityHashCode(request.connection()));
    if (request.path().equals("/later")) {
      Context context = Vertx.currentContext();
      later.add(() -> context.runOnContext(v -> request.response().end(answer)));
    } else {
      request.response().end(answer);
    }
  }

  private TestClient connect() throws IOException {
    return new TestClient(SocketChannel.open(new InetSocketAddress("127.0.0.1", door.port())));
  }

  private static String ask(TestClient client) throws IOException {
    client.get("/");
    return client.response().body();
  }

  @Test
  void connectionMovesAgainAndAgain() throws Exception {
    Set<String> connections = new HashSet<>();
    try (TestClient client = connect()) {
      while (connections.size() < MOVES) {
        connections.add(ask(client));
        rehearsal.move();
      }
    }
  }

  @Test
  void requestIsAnsweredBeforeItsConnectionMoves() throws Exception {
    try (TestClient client = connect()) {
      String before = ask(client);
      client.get("/later");
      Runnable answer = later.poll(20, TimeUnit.SECONDS);
      rehearsal.move();
      rehearsal.move();
      answer.run();
      assertEquals(before, client.response().body());
      String after = ask(client);
      while (after.equals(before)) {
        after = ask(client);
      }
      assertNotEquals(before, after);
    }
  }

  @Test
  void connectionsOfOthersStay() throws Exception {
    try (TestClient other = TestClient.connect(listener);
        TestClient client = connect()) {
      String before = ask(other);
      Set<String> connections = new HashSet<>();
      while (connections.size() < MOVES) {
        connections.add(ask(client));
        rehearsal.move();
      }
      assertEquals(before, ask(other));
    }
  }

  @Test
  void nothingIsLeftOpen() throws Exception {
    try (TestClient client = connect()) {
      ask(client);
      int before = OpenDescriptors.now().size();
      Set<String> connections = new HashSet<>();
      while (connections.size() < MOVES) {
        connections.add(ask(client));
        rehearsal.move();
      }
      while (OpenDescriptors.now().size() > before) {
        ask(client); // until the duplicate of the last move is closed
      }
    }
  }

  @Test
  void onlyWhatCouldMoveIsRehearsed(@TempDir Path directory) throws Exception {
    assertTrue(Rehearsal.isFor(listener));
    SocketAddress path = SocketAddress.domainSocketAddress(directory.resolve("s").toString());
    assertFalse(Rehearsal.isFor(generation.http("unix", path, "")));
  }
}
