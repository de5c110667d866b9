package io.goagain.impl;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.RestartOptions;
import io.goagain.RestartVerticle;
import io.goagain.impl.net.ControlAccess;
import io.goagain.impl.net.HandoverChannel;
import io.goagain.impl.net.LineRequest;
import io.goagain.impl.posix.Descriptors;
import io.netty.channel.unix.FileDescriptor;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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

/**
 * Whoever may connect to the control socket may say anything. What would end the process of the
 * test, a stop and a successor that accepts, is not said.
 */
@EnabledOnOs(OS.LINUX)
@Timeout(value = 30, unit = TimeUnit.MINUTES)
class ControlFuzzTest {
  private static final String NOWHERE = "/nonexistent/goagain";
  private static final String COMMAND = "\"command\":[\"/nonexistent/";

  private static final List<List<String>> REQUESTS =
      List.of(
          get("/status"),
          get("/history"),
          get("/events"),
          get("/metrics"),
          get("/nothing?x=y"),
          get("/takeover?half=messages&token=t", "Connection: Upgrade", "Upgrade: goagain"),
          get("/takeover?half=descriptors&token=t", "Connection: Upgrade", "Upgrade: goagain"),
          post("{\"command\":[\"" + NOWHERE + "\"],\"readyTimeout\":500}"),
          post(
              "{\"command\":[\""
                  + NOWHERE
                  + "\"],\"environment\":{\"A\":\"b\"},\"drainTimeout\":9,"
                  + "\"workingDirectory\":\"/\",\"strategy\":\"double\"}"),
          chunked());

  private static final String HELLO = "{\"goagain\":1,\"generation\":2,\"pid\":77}\n";
  private static final List<String> TAKEOVER =
      List.of(
          "{\"type\":\"ready\",\"listeners\":[\"public\"]}\n",
          "{\"type\":\"taken\"}\n",
          "{\"type\":\"listener\",\"name\":\"x\",\"foreign\":false,\"descriptor\":true}\n",
          "{\"type\":\"standby\"}\n",
          "{\"type\":\"publish\",\"address\":\"goagain.reload\"}\n",
          "{\"type\":\"refused\"}\n");

  /**
   * What Vert.x 5.1.5 logs where a connection is reset while a pipelined request waits for its
   * turn: that one has no response yet. Netty closes the connection all the same.
   */
  private static final String RESET_IN_A_PIPELINE =
      "Http1ServerResponse.ended\\(\\)\" because \"this.response\" is null";

  @TempDir Path directory;
  private Path socket;
  private Vertx vertx;

  private static List<String> get(String target, String... headers) {
    List<String> lines = new ArrayList<>();
    lines.add("GET " + target + " HTTP/1.1\r\n");
    lines.add("Host: goagain\r\n");
    for (String header : headers) {
      lines.add(header + "\r\n");
    }
    lines.add("\r\n");
    return lines;
  }

  private static List<String> post(String body) {
    return List.of(
        "POST /restart?wait=ready HTTP/1.1\r\n",
        "Host: goagain\r\n",
        "Content-Length: " + body.length() + "\r\n",
        "\r\n",
        body);
  }

  private static List<String> chunked() {
    String body = "{" + COMMAND + "x\"]}";
    return List.of(
        "POST /restart?wait=no HTTP/1.1\r\n",
        "Host: goagain\r\n",
        "Transfer-Encoding: chunked\r\n",
        "\r\n",
        Integer.toHexString(body.length()) + "\r\n",
        body + "\r\n",
        "0\r\n",
        "\r\n");
  }

  @BeforeEach
  void start() throws Exception {
    socket = directory.resolve("c.sock");
    vertx = Vertx.vertx();
    RestartOptions options =
        new RestartOptions()
            .setControlSocket(socket.toString())
            // Whatever becomes of a request: nothing is ever spawned.
            .setCommand(List.of(NOWHERE))
            .setSignals(Set.of());
    vertx
        .deployVerticle(new RestartVerticle(options))
        .toCompletionStage()
        .toCompletableFuture()
        .get(20, TimeUnit.SECONDS);
  }

  @AfterEach
  void stop() throws Exception {
    vertx.close().toCompletionStage().toCompletableFuture().get(20, TimeUnit.SECONDS);
  }

  @Test
  void requests() throws Exception {
    try (Fuzzing fuzzing = new Fuzzing("^restart failed|" + RESET_IN_A_PIPELINE)) {
      fuzzing.run(this::request);
      assertServes();
    }
  }

  private void request(Mutator mutator) throws IOException {
    StringBuilder text = new StringBuilder();
    for (int i = mutator.random().nextInt(3); i >= 0; i--) {
      String one = String.join("", mutator.mutate(mutator.oneOf(REQUESTS)));
      // The default, in a request that says so, is the command of this process.
      if (!one.contains("{") || one.contains(COMMAND)) {
        text.append(one);
      }
    }
    try (SocketChannel channel = connect()) {
      send(channel, text.toString());
      if (mutator.random().nextBoolean()) {
        channel.shutdownOutput();
        readAll(channel);
      }
    } catch (IOException e) {
      // It has closed before it had read all, as it may.
      assertTrue(
          String.valueOf(e.getMessage()).matches("(?s)Broken pipe|Connection reset.*"), "" + e);
    }
  }

  @Test
  void takeovers() throws Exception {
    try (Fuzzing fuzzing = new Fuzzing("^restart failed|^unknown message")) {
      fuzzing.runSome(mutator -> takeover(fuzzing, mutator));
      assertServes();
    }
  }

  private void takeover(Fuzzing fuzzing, Mutator mutator) throws Exception {
    int[] sockets = line();
    FileDescriptor file = FileDescriptor.from("/dev/null");
    try (Fuzzing.Peer peer = fuzzing.new Peer(sockets[0], sockets[1])) {
      if (mutator.random().nextInt(4) > 0) {
        peer.say(HELLO);
        peer.hear("handed");
      } else {
        peer.say(String.join("", mutator.mutate(List.of(HELLO))));
      }
      for (String line : mutator.mutate(TAKEOVER)) {
        if (mutator.random().nextInt(8) == 0 || line.contains("\"descriptor\":true")) {
          peer.send(file.intValue());
        }
        peer.say(line);
      }
    } finally {
      file.close();
    }
  }

  /** Asks again while the one before is on its way out. */
  private int[] line() {
    int[][] sockets = new int[1][];
    Fuzzing.await(
        "a takeover is admitted",
        () -> {
          try {
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
            sockets[0] = LineRequest.send(socket.toString(), ControlAccess.of(List.of()), deadline);
            return true;
          } catch (LineRequest.RefusedException e) {
            return false;
          }
        });
    return sockets[0];
  }

  private SocketChannel connect() throws IOException {
    return SocketChannel.open(UnixDomainSocketAddress.of(socket));
  }

  private static void send(SocketChannel channel, String text) throws IOException {
    ByteBuffer bytes = ISO_8859_1.encode(text);
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  private static String readAll(SocketChannel channel) throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    ByteBuffer piece = ByteBuffer.allocate(4096);
    while (channel.read(piece) >= 0) {
      all.write(piece.array(), 0, piece.position());
      piece.clear();
    }
    return all.toString(ISO_8859_1);
  }

  /** A valid request, and a valid takeover up to where its predecessor would go. */
  private void assertServes() throws Exception {
    Fuzzing.await("it serves", () -> status().contains("\"state\":\"SERVING\""));
    BlockingQueue<String> heard = new LinkedBlockingQueue<>();
    int[] sockets = line();
    HandoverChannel channel =
        HandoverChannel.open(sockets[0], sockets[1], line -> new Heard(heard));
    try {
      channel.send(new JsonObject(HELLO));
      assertEquals("hello", heard.poll(20, TimeUnit.SECONDS));
      assertEquals("listener", heard.poll(20, TimeUnit.SECONDS));
      assertEquals("handed", heard.poll(20, TimeUnit.SECONDS));
    } finally {
      channel.close();
    }
    Fuzzing.await("it serves again", () -> status().contains("\"state\":\"SERVING\""));
  }

  private String status() throws IOException {
    try (SocketChannel channel = connect()) {
      send(channel, "GET /status HTTP/1.1\r\nHost: goagain\r\nConnection: close\r\n\r\n");
      String answer = readAll(channel);
      assertTrue(answer.startsWith("HTTP/1.1 200 OK"), answer);
      return answer;
    }
  }

  private record Heard(BlockingQueue<String> types) implements HandoverChannel.Listener {
    @Override
    public void received(JsonObject message, int descriptor) {
      types.add(message.getString("type", "hello"));
      if (descriptor >= 0) {
        try {
          Descriptors.close(descriptor);
        } catch (IOException e) {
          types.add(e.toString());
        }
      }
    }

    @Override
    public void closed() {
      types.add("closed");
    }

    @Override
    public void broken(String reason) {
      types.add(reason);
    }
  }
}
