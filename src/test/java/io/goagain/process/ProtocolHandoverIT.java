package io.goagain.process;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.process.AppProcess.Generation;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClientAgent;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.PfxOptions;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Connections of protocols that cannot move come to their end without a loss. */
@Timeout(300)
class ProtocolHandoverIT {
  private static final String PASSWORD = "secret";

  // TLS.

  @Test
  void vertxClientOverHttp1AndTls() throws Exception {
    vertxClientOverTls(HttpVersion.HTTP_1_1);
  }

  @Test
  void vertxClientOverHttp2AndTls() throws Exception {
    vertxClientOverTls(HttpVersion.HTTP_2);
  }

  private static void vertxClientOverTls(HttpVersion version) throws Exception {
    try (SingleApp app = tls()) {
      HttpClientOptions options =
          new HttpClientOptions()
              .setSsl(true)
              .setUseAlpn(version == HttpVersion.HTTP_2)
              .setProtocolVersion(version)
              .setTrustOptions(
                  new PfxOptions().setPath(keystore(app).toString()).setPassword(PASSWORD));
      withVertx(
          options,
          client ->
              restartUnderRequests(
                  app,
                  body ->
                      bounded(
                          client
                              .request(HttpMethod.POST, port(app, "tls"), "127.0.0.1", "/echo")
                              .compose(request -> request.send(body).compose(r -> body(r, version)))
                              .map(Buffer::toString))));
    }
  }

  /**
   * It sends no POST twice: jdk.httpclient.enableAllMethodRetry is off unless it is set. Not over
   * HTTP/2: whatever the last stream of a GOAWAY, this client of Java 17 gives up all its streams.
   */
  @Test
  void jdkClientOverHttp1AndTls() throws Exception {
    HttpClient.Version version = HttpClient.Version.HTTP_1_1;
    try (SingleApp app = tls()) {
      HttpClient client =
          HttpClient.newBuilder().version(version).sslContext(trust(keystore(app))).build();
      URI uri = URI.create("https://127.0.0.1:" + port(app, "tls") + "/echo");
      restartUnderRequests(
          app,
          body -> {
            HttpResponse<String> response =
                client.send(
                    HttpRequest.newBuilder(uri)
                        .timeout(AppProcess.LIMIT)
                        .POST(HttpRequest.BodyPublishers.ofString(body))
                        .build(),
                    HttpResponse.BodyHandlers.ofString());
            assertEquals(version, response.version());
            return response.body();
          });
    }
  }

  /** Sends a body to /echo and returns what comes back; whatever it throws is a failure. */
  private interface Poster {
    String post(String body) throws Exception;
  }

  private static void restartUnderRequests(SingleApp app, Poster poster) throws Exception {
    try (Clients clients = new Clients()) {
      AtomicInteger answered = new AtomicInteger();
      AtomicBoolean failed = new AtomicBoolean();
      for (int i = 0; i < 8; i++) {
        int number = i;
        int[] sent = new int[1];
        clients.repeat(
            () -> {
              String body = "request %d of client %d".formatted(++sent[0], number);
              boolean good = false;
              try {
                assertEquals(body, poster.post(body));
                good = true;
                answered.incrementAndGet();
              } finally {
                failed.compareAndSet(false, !good);
              }
            });
      }
      for (int i = 0; i < Restarts.COUNT; i++) {
        int before = answered.get();
        Restarts.poll(
            "requests", app.process(), () -> failed.get() || answered.get() > before + 200);
        Generation ignored = Restarts.restart(app.process());
      }
      int before = answered.get();
      Restarts.poll("requests", app.process(), () -> failed.get() || answered.get() > before + 200);
      clients.finish();
      for (int generation = 1; generation <= Restarts.COUNT; generation++) {
        JsonObject drained = Restarts.awaitDrained(app.process(), generation);
        assertEquals(0, drained.getInteger("cut"), drained::toString);
      }
    }
  }

  private static SingleApp tls() throws Exception {
    SingleApp.Starter starter = SingleApp.starter();
    Path keystore = makeKeystore(starter.directory());
    return starter.arguments("--tls", "0", "--keystore", keystore.toString()).start();
  }

  /** With a certificate for 127.0.0.1. */
  static Path makeKeystore(Path directory) throws Exception {
    Path keystore = directory.resolve("keystore.p12");
    Process keytool =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-alias",
                "test",
                "-keyalg",
                "EC",
                "-dname",
                "CN=127.0.0.1",
                "-ext",
                "san=ip:127.0.0.1",
                "-storetype",
                "PKCS12",
                "-keystore",
                keystore.toString(),
                "-storepass",
                PASSWORD)
            .redirectErrorStream(true)
            .start();
    String said = new String(keytool.getInputStream().readAllBytes(), UTF_8);
    assertEquals(0, keytool.waitFor(), said);
    return keystore;
  }

  private static Path keystore(SingleApp app) {
    return app.directory().resolve("keystore.p12");
  }

  private static SSLContext trust(Path keystore) throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(keystore)) {
      store.load(in, PASSWORD.toCharArray());
    }
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    return context;
  }

  // HTTP/2 without TLS.

  /** Some have said all and wait for their answer, others are in the middle of their body. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void streamsInFlightComplete(boolean upgrade) throws Exception {
    HttpClientOptions options =
        new HttpClientOptions()
            .setProtocolVersion(HttpVersion.HTTP_2)
            .setHttp2ClearTextUpgrade(upgrade);
    try (SingleApp app = SingleApp.start()) {
      withVertx(options, client -> streamsInFlightComplete(app, client));
    }
  }

  private static void streamsInFlightComplete(SingleApp app, HttpClientAgent client)
      throws Exception {
    int port = port(app, "public");
    for (int round = 0; round < Restarts.COUNT; round++) {
      Generation old = app.process().newest();
      List<Future<String>> slow = new ArrayList<>();
      List<HttpClientRequest> halves = new ArrayList<>();
      for (int i = 0; i < 10; i++) {
        slow.add(
            client
                .request(HttpMethod.GET, port, "127.0.0.1", "/slow?millis=3000")
                .compose(request -> request.send().compose(r -> body(r, HttpVersion.HTTP_2)))
                .map(Buffer::toString));
        HttpClientRequest half =
            bounded(client.request(HttpMethod.POST, port, "127.0.0.1", "/echo"));
        bounded(half.setChunked(true).write("half"));
        halves.add(half);
      }
      // On the same connection, so the server has begun with those before.
      assertTrue(hello(client, port).contains("pid=" + old.pid()));
      Generation next = Restarts.ask(app.process());
      // One of the new process, at once.
      Restarts.poll(
          "an answer of " + next,
          app.process(),
          () -> hello(client, port).contains("pid=" + next.pid()));
      assertTrue(app.process().isAlive(old.pid()));
      for (HttpClientRequest half : halves) {
        Future<String> answer =
            half.response().compose(response -> response.body().map(Buffer::toString));
        bounded(half.end("done"));
        assertEquals("halfdone", bounded(answer));
      }
      for (Future<String> answer : slow) {
        assertEquals("slow 3000\n", bounded(answer));
      }
      Restarts.awaitGone(app.process(), old.pid());
      JsonObject drained = Restarts.awaitDrained(app.process(), old.generation());
      assertEquals(0, drained.getInteger("cut"), drained::toString);
    }
  }

  private static String hello(HttpClientAgent client, int port) {
    try {
      return bounded(
          client
              .request(HttpMethod.GET, port, "127.0.0.1", "/")
              .compose(request -> request.send().compose(r -> body(r, HttpVersion.HTTP_2)))
              .map(Buffer::toString));
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  /** RFC 9113, 6.8: a GOAWAY that refuses nothing, and later one that names the last stream. */
  @Test
  void goAwayInTwoSteps() throws Exception {
    try (SingleApp app = SingleApp.start();
        Clients clients = new Clients()) {
      clients.start(() -> goAwayInTwoSteps(app)).get(60, TimeUnit.SECONDS);
    }
  }

  private static Void goAwayInTwoSteps(SingleApp app) throws Exception {
    Generation first = app.process().newest();
    String hello = "hello generation=1 pid=" + first.pid() + "\n";
    try (RawHttp2 http2 = new RawHttp2(app.address("public"))) {
      http2.get(1, "/");
      assertEquals(hello, http2.answer(1));
      app.process().signal("USR2");
      RawHttp2.Frame begins = http2.next();
      assertEquals(RawHttp2.GOAWAY, begins.type(), begins::toString);
      assertEquals(Integer.MAX_VALUE, begins.lastStream());
      assertEquals(0, begins.error());

      // Sent before the server can know that the client has seen it, and served.
      http2.get(3, "/");
      http2.get(5, "/slow?millis=2500");
      assertEquals(hello, http2.answer(3));
      RawHttp2.Frame ends = http2.next();
      assertEquals(RawHttp2.GOAWAY, ends.type(), ends::toString);
      assertEquals(5, ends.lastStream());
      assertEquals(0, ends.error());
      assertEquals("slow 2500\n", http2.answer(5));
      http2.awaitEnd();
    }
    app.handedOver(first);
    JsonObject drained = Restarts.awaitDrained(app.process(), 1);
    assertEquals(0, drained.getInteger("cut"), drained::toString);
    return null;
  }

  /** A client of HTTP/2 with prior knowledge that shows every frame that matters. */
  private static final class RawHttp2 implements AutoCloseable {
    static final int DATA = 0;
    static final int HEADERS = 1;
    static final int SETTINGS = 4;
    static final int PING = 6;
    static final int GOAWAY = 7;
    static final int WINDOW_UPDATE = 8;

    private static final int ACK = 1;
    private static final int END_STREAM = 1;
    private static final int END_HEADERS = 4;
    private static final int PRIORITY = 0x20;

    /** A frame, RFC 9113, 4.1. */
    record Frame(int type, int flags, int stream, byte[] payload) {
      boolean has(int flag) {
        return (flags & flag) != 0;
      }

      int lastStream() {
        return ByteBuffer.wrap(payload).getInt() & Integer.MAX_VALUE;
      }

      int error() {
        return ByteBuffer.wrap(payload).getInt(4);
      }

      @Override
      public String toString() {
        String text = new String(payload, ISO_8859_1);
        return "frame of type %d, flags %d, stream %d: %s".formatted(type, flags, stream, text);
      }
    }

    private final RawHttp wire;

    RawHttp2(SocketAddress address) throws IOException {
      wire = RawHttp.connect(address).send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
      send(SETTINGS, 0, 0, new byte[0]);
    }

    private void send(int type, int flags, int stream, byte[] payload) throws IOException {
      ByteBuffer frame = ByteBuffer.allocate(9 + payload.length);
      frame.putInt(payload.length << 8 | type).put((byte) flags).putInt(stream).put(payload);
      wire.send(frame.array());
    }

    /**
     * Indexed fields of RFC 7541, appendix A, and literals without indexing of two of its names.
     */
    void get(int stream, String path) throws IOException {
      ByteArrayOutputStream fields = new ByteArrayOutputStream();
      fields.writeBytes(new byte[] {(byte) 0x82, (byte) 0x86});
      literal(fields, 1, "goagain");
      literal(fields, 4, path);
      send(HEADERS, END_STREAM | END_HEADERS, stream, fields.toByteArray());
    }

    private static void literal(ByteArrayOutputStream fields, int name, String value) {
      fields.write(name);
      fields.write(value.length());
      fields.writeBytes(value.getBytes(ISO_8859_1));
    }

    /** Reads a frame; those that only keep the connection going are answered and skipped. */
    Frame next() throws IOException {
      while (true) {
        ByteBuffer head = ByteBuffer.wrap(wire.read(9));
        int lengthAndType = head.getInt();
        int flags = head.get();
        int stream = head.getInt() & Integer.MAX_VALUE;
        byte[] payload = wire.read(lengthAndType >>> 8);
        Frame frame = new Frame(lengthAndType & 0xff, flags, stream, payload);
        boolean asks = !frame.has(ACK);
        switch (frame.type) {
          case SETTINGS -> {
            if (asks) {
              send(SETTINGS, ACK, 0, new byte[0]);
            }
          }
          case PING -> {
            if (asks) {
              send(PING, ACK, 0, payload);
            }
          }
          case WINDOW_UPDATE -> {}
          default -> {
            return frame;
          }
        }
      }
    }

    /** Reads the frames of one answer, which are to come next. */
    String answer(int stream) throws IOException {
      Frame headers = next();
      assertEquals(HEADERS, headers.type, headers::toString);
      assertEquals(stream, headers.stream, headers::toString);
      assertTrue(headers.has(END_HEADERS), headers::toString);
      int fields = headers.has(PRIORITY) ? 5 : 0;
      assertEquals((byte) 0x88, headers.payload[fields], headers::toString); // :status: 200
      ByteArrayOutputStream body = new ByteArrayOutputStream();
      boolean ended = headers.has(END_STREAM);
      while (!ended) {
        Frame data = next();
        assertEquals(DATA, data.type, data::toString);
        assertEquals(stream, data.stream, data::toString);
        body.writeBytes(data.payload);
        ended = data.has(END_STREAM);
      }
      return body.toString(UTF_8);
    }

    void awaitEnd() throws IOException {
      wire.awaitEnd();
    }

    @Override
    public void close() throws IOException {
      wire.close();
    }
  }

  // WebSockets.

  @Test
  void webSocketsFinishTheirConversation() throws Exception {
    try (AppProcess app =
            AppProcess.start(
                "handover", "--port", "0", "--chat", "0", "--options", Restarts.QUICK);
        Clients clients = new Clients()) {
      InetSocketAddress address = (InetSocketAddress) app.socketAddress("public");
      URI uri = URI.create("ws://127.0.0.1:" + address.getPort() + "/ws");
      for (int i = 0; i < Restarts.COUNT; i++) {
        Generation old = app.newest();
        try (RawHttp plain = RawHttp.connect(address)) {
          assertEquals(old.pid(), plain.pid());
          List<CompletableFuture<Conversation>> ends = new ArrayList<>();
          AtomicInteger answered = new AtomicInteger();
          for (int k = 0; k < 4; k++) {
            Conversation conversation = new Conversation();
            WebSocket socket =
                HttpClient.newHttpClient()
                    .newWebSocketBuilder()
                    .buildAsync(uri, conversation)
                    .get(60, TimeUnit.SECONDS);
            clients.start(() -> conversation.talk(socket, old.generation(), answered));
            ends.add(conversation.closed);
          }
          Restarts.poll("messages", app, () -> answered.get() > 400);
          Generation next = Restarts.ask(app);
          for (CompletableFuture<Conversation> end : ends) {
            Conversation closed = end.get(60, TimeUnit.SECONDS);
            assertEquals(1012, closed.code);
            assertFalse(closed.reason.isBlank());
          }
          clients.finish();
          Restarts.awaitMoved(app, old.pid(), next, List.of(plain));
          Restarts.awaitGone(app, old.pid());
          assertEquals(next.pid(), plain.pid());
          JsonObject drained = Restarts.awaitDrained(app, old.generation());
          assertEquals(0, drained.getInteger("cut"), drained::toString);
        }
      }
    }
  }

  /** A client of /ws that sends one message after the other until it is told goodbye. */
  private static final class Conversation implements WebSocket.Listener {
    private final BlockingQueue<String> received = new LinkedBlockingQueue<>();
    private final CompletableFuture<Conversation> closed = new CompletableFuture<>();
    private final StringBuilder text = new StringBuilder();
    private volatile int code;
    private volatile String reason;

    Void talk(WebSocket socket, int generation, AtomicInteger answered) throws Exception {
      boolean goodbye = false;
      for (int i = 0; !goodbye; i++) {
        socket.sendText("message " + i, true).get(60, TimeUnit.SECONDS);
        String answer = next();
        if (answer.equals("goodbye")) {
          goodbye = true;
          // Sent before it came, and answered in the time that the application has.
          answer = next();
        }
        assertEquals("message %d %d".formatted(i, generation), answer);
        answered.incrementAndGet();
      }
      assertEquals("closed: 1012", next());
      return null;
    }

    private String next() throws InterruptedException {
      String message = received.poll(60, TimeUnit.SECONDS);
      return String.valueOf(message);
    }

    @Override
    public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
      text.append(data);
      if (last) {
        received.add(text.toString());
        text.setLength(0);
      }
      socket.request(1);
      return null;
    }

    @Override
    public CompletionStage<?> onClose(WebSocket socket, int statusCode, String why) {
      code = statusCode;
      reason = why;
      received.add("closed: " + statusCode);
      closed.complete(this);
      return null;
    }

    @Override
    public void onError(WebSocket socket, Throwable error) {
      received.add("error: " + error);
      closed.completeExceptionally(error);
    }
  }

  // For all.

  private interface Use {
    void use(HttpClientAgent client) throws Exception;
  }

  private static void withVertx(HttpClientOptions options, Use use) throws Exception {
    Vertx vertx = Vertx.vertx();
    try {
      use.use(vertx.createHttpClient(options));
    } finally {
      bounded(vertx.close());
    }
  }

  /** To be called on the event loop that the response came on: its body is not kept. */
  private static Future<Buffer> body(HttpClientResponse response, HttpVersion version) {
    assertEquals(version, response.version());
    return response.body();
  }

  private static int port(SingleApp app, String listener) {
    return ((InetSocketAddress) app.address(listener)).getPort();
  }

  private static <T> T bounded(Future<T> future) throws Exception {
    return future
        .toCompletionStage()
        .toCompletableFuture()
        .get(AppProcess.LIMIT.toSeconds(), TimeUnit.SECONDS);
  }
}
