package io.goagain.impl.net;

import static io.goagain.impl.net.TestGeneration.settle;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.net.SelfSignedCertificate;
import io.vertx.core.net.SocketAddress;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A drain without a successor: connections end here, and lose nothing. */
@EnabledOnOs(OS.LINUX)
@Timeout(60)
class DrainTest {

  private static final SocketAddress ANY_PORT = SocketAddress.inetSocketAddress(0, "127.0.0.1");
  private static final Duration AMPLE = Duration.ofMinutes(5);

  /** A request that the application has got and not answered, and the context to answer it on. */
  private record Asked(HttpServerRequest request, Context context) {
    void answer() {
      context.runOnContext(v -> request.response().end("answer to " + request.path()));
    }
  }

  private final BlockingQueue<Asked> asked = new LinkedBlockingQueue<>();
  private TestGeneration generation;
  private Listener listener;

  /** Paths that begin with /later are answered when the test says so. */
  @BeforeEach
  void start() throws Exception {
    generation = TestGeneration.first();
    listener =
        generation.http(
            "public",
            new HttpServerOptions().setHandle100ContinueAutomatically(true),
            ANY_PORT,
            this::handle);
  }

  private void handle(HttpServerRequest request) {
    if (request.path().startsWith("/later")) {
      Context context = Vertx.currentContext();
      // In the next turn of the loop: what came in the same read is known then.
      context.runOnContext(v -> asked.add(new Asked(request, context)));
    } else {
      request.body().onSuccess(body -> request.response().end("answer to " + request.path()));
    }
  }

  @AfterEach
  void stop() throws Exception {
    generation.close();
  }

  private Asked next() throws InterruptedException {
    Asked next = asked.poll(20, TimeUnit.SECONDS);
    assertNotNull(next, "no request came");
    return next;
  }

  /** As in an exit: nothing is accepted any more. */
  private Drain drain() throws Exception {
    return drain(AMPLE);
  }

  private Drain drain(Duration timeout) throws Exception {
    generation.listeners.accepting(false);
    settle(listener);
    Drain drain = generation.listeners.drain(all -> true, null, timeout);
    // Connections are told on their loops, each by a task: one behind it sees the effect.
    for (TrackedConnection connection : generation.listeners.connections()) {
      connection.channel().eventLoop().submit(() -> {}).get(20, TimeUnit.SECONDS);
    }
    return drain;
  }

  private static String lines(String... head) {
    return String.join("\r\n", head) + "\r\n\r\n";
  }

  private static DrainReport report(Drain drain) throws Exception {
    return drain.done().get(20, TimeUnit.SECONDS);
  }

  private static void assertAnswer(TestClient client, String path, boolean last) throws Exception {
    TestClient.Response response = client.response();
    assertEquals(200, response.status());
    assertEquals("answer to " + path, response.body());
    assertEquals(last, response.saysClose(), () -> "Connection: close for " + path);
  }

  private static void assertLastAnswer(TestClient client, String path) throws Exception {
    assertAnswer(client, path, true);
    assertEquals(-1, client.next());
  }

  /** A request whose connection stays. */
  private static void assertServed(TestClient client, String path) throws Exception {
    client.get(path);
    assertAnswer(client, path, false);
  }

  /** What is left to send is the body: the interim answer, which asks for it, has come. */
  private static void beginUpload(TestClient client) throws Exception {
    client.send(
        lines("POST /upload HTTP/1.1", "Host: x", "Expect: 100-continue", "Content-Length: 4"));
    TestClient.Response interim = client.response();
    assertEquals(100, interim.status());
    assertFalse(interim.saysClose());
  }

  private static void assertEnded(DrainReport report, int connections) {
    assertEquals(connections, report.finished() + report.closed(), report::toString);
    assertEquals(0, report.cut(), report::toString);
    assertEquals(0, report.moved(), report::toString);
  }

  @Test
  void withoutConnectionsItIsDoneAtOnce() throws Exception {
    Drain drain = drain();
    assertTrue(drain.done().isDone());
    assertEnded(report(drain), 0);
  }

  @Test
  void withoutADrainConnectionsAreKept() throws Exception {
    try (TestClient client = TestClient.connect(listener)) {
      for (int i = 0; i < 3; i++) {
        assertServed(client, "/" + i);
      }
      assertEquals(0, generation.listeners.inFlight());
      assertEquals(1, generation.listeners.connectionsOf(listener));
    }
  }

  @Test
  void theRequestInFlightIsAnsweredAndItsConnectionClosedCleanly() throws Exception {
    Drain drain;
    try (TestClient client = TestClient.connect(listener)) {
      client.get("/later");
      Asked request = next();
      assertEquals(1, generation.listeners.inFlight());
      drain = drain();
      assertFalse(drain.done().isDone());
      request.answer();
      assertLastAnswer(client, "/later");
    }
    assertEnded(report(drain), 1);
    assertEquals(0, generation.listeners.inFlight());
  }

  @Test
  void aRequestThatComesWhileItDrainsIsServed() throws Exception {
    Drain drain;
    try (TestClient client = TestClient.connect(listener)) {
      assertServed(client, "/before");
      drain = drain();
      assertFalse(drain.done().isDone());
      client.get("/while");
      assertLastAnswer(client, "/while");
    }
    assertEnded(report(drain), 1);
  }

  @Test
  void aConnectionThatHasNotSaidAnythingYetIsServed() throws Exception {
    Drain drain;
    try (TestClient silent = TestClient.connect(listener);
        TestClient halfway = TestClient.connect(listener);
        TestClient last = TestClient.connect(listener)) {
      halfway.send("GET /half");
      // The kernel keeps the order: when the last one is served, the others are accepted.
      assertServed(last, "/last");
      assertEquals(3, generation.listeners.connectionsOf(listener));
      drain = drain();
      silent.get("/first");
      assertLastAnswer(silent, "/first");
      halfway.send("way HTTP/1.1\r\nHost: x\r\n\r\n");
      assertLastAnswer(halfway, "/halfway");
    }
    assertEnded(report(drain), 3);
  }

  @Test
  void pipelinedRequestsAreAllAnsweredAndTheLastOneIsTold() throws Exception {
    Drain drain;
    try (TestClient client = TestClient.connect(listener)) {
      String rest = " HTTP/1.1\r\nHost: x\r\n\r\n";
      client.send("GET /later" + rest + "GET /second" + rest + "GET /third" + rest);
      Asked first = next();
      assertEquals(3, generation.listeners.inFlight());
      drain = drain();
      first.answer();
      assertAnswer(client, "/later", false);
      assertAnswer(client, "/second", false);
      assertLastAnswer(client, "/third");
    }
    assertEnded(report(drain), 1);
  }

  @Test
  void anInterimAnswerDoesNotCount() throws Exception {
    Drain drain;
    try (TestClient client = TestClient.connect(listener)) {
      beginUpload(client);
      assertEquals(1, generation.listeners.inFlight());
      drain = drain();
      client.send("body");
      assertLastAnswer(client, "/upload");
    }
    assertEnded(report(drain), 1);
  }

  @Test
  void anInterimAnswerOfADrainIsNotToldToClose() throws Exception {
    Drain drain;
    try (TestClient client = TestClient.connect(listener)) {
      assertServed(client, "/before");
      drain = drain();
      beginUpload(client);
      client.send("body");
      assertLastAnswer(client, "/upload");
    }
    assertEnded(report(drain), 1);
  }

  @Test
  void bytesThatComeAfterTheLastAnswerDoNotResetIt() throws Exception {
    Drain drain;
    try (TestClient client = TestClient.connect(listener)) {
      client.get("/later");
      Asked request = next();
      drain = drain();
      request.answer();
      assertAnswer(client, "/later", true);
      // A client that had not read that yet: a reset could have cost it the answer.
      client.get("/after");
      assertEquals(-1, client.next());
    }
    assertEnded(report(drain), 1);
  }

  @Test
  void aClientThatLeavesByItselfIsCountedAsFinished() throws Exception {
    Drain drain;
    try (TestClient client = TestClient.connect(listener)) {
      assertServed(client, "/before");
      drain = drain();
    }
    DrainReport report = report(drain);
    assertEquals(1, report.finished(), report::toString);
    assertEnded(report, 1);
  }

  @Test
  void theDeadlineCutsWhatIsLeftAndCountsIt() throws Exception {
    try (TestClient client = TestClient.connect(listener);
        TestClient other = TestClient.connect(listener)) {
      client.get("/later");
      next();
      other.get("/later");
      next();
      Drain drain = drain(Duration.ofMillis(1));
      DrainReport report = report(drain);
      assertEquals(2, report.cut(), report::toString);
      assertEquals(0, report.finished() + report.closed() + report.moved(), report::toString);
      assertEquals(2, report.cutDescriptions().size());
      String described = report.cutDescriptions().get(0);
      assertTrue(described.contains("HTTP_1"), described);
      assertTrue(described.contains("\"public\""), described);
      assertTrue(described.contains("1 in flight"), described);
      assertNoAnswer(client);
      assertNoAnswer(other);
    }
  }

  @Test
  void cuttingBeforeTheDeadlineCountsToo() throws Exception {
    try (TestClient client = TestClient.connect(listener)) {
      client.get("/later");
      next();
      Drain drain = drain();
      drain.cutWhatIsLeft();
      drain.cutWhatIsLeft();
      assertEquals(1, report(drain).cut());
      assertNoAnswer(client);
    }
  }

  private static void assertNoAnswer(TestClient client) {
    assertThrows(IOException.class, client::response);
  }

  @Test
  void aCancelledDrainLetsConnectionsGoOn() throws Exception {
    try (TestClient client = TestClient.connect(listener);
        TestClient idle = TestClient.connect(listener)) {
      assertServed(idle, "/idle");
      client.get("/later");
      Asked request = next();
      Drain drain = drain();
      drain.cancel();
      assertTrue(drain.done().isDone());
      assertEnded(report(drain), 0);
      request.answer();
      assertAnswer(client, "/later", false);
      assertServed(client, "/again");
      assertServed(idle, "/idle");
      generation.listeners.accepting(true);
      assertEquals("answer to /", TestGeneration.get(listener));
    }
  }

  @Test
  void aSecondDrainComesToItsEndAfterACancelledOne() throws Exception {
    Drain drain;
    try (TestClient client = TestClient.connect(listener)) {
      assertServed(client, "/before");
      drain().cancel();
      drain = drain();
      client.get("/while");
      assertLastAnswer(client, "/while");
    }
    assertEnded(report(drain), 1);
  }

  @Test
  void anotherListenerIsLeftAlone() throws Exception {
    Listener other = generation.http("other", ANY_PORT, "other");
    CompletableFuture<DrainReport> done;
    try (TestClient client = TestClient.connect(other);
        TestClient drained = TestClient.connect(listener)) {
      client.get("/");
      assertFalse(client.response().saysClose());
      drained.get("/later");
      Asked request = next();
      done = generation.listeners.drainAndStop("public", AMPLE);
      request.answer();
      assertLastAnswer(drained, "/later");
      client.get("/");
      assertFalse(client.response().saysClose());
      assertEquals("other", TestGeneration.get(other));
    }
    assertEnded(done.get(20, TimeUnit.SECONDS), 1);
  }

  @Test
  void nobodyIsWaitedForOnAListenerThatIsNotThere() throws Exception {
    DrainReport report =
        generation.listeners.drainAndStop("nonsense", AMPLE).get(20, TimeUnit.SECONDS);
    assertEnded(report, 0);
  }

  @Test
  void aTcpConnectionMayFinish() throws Exception {
    generation.deploy(
        "echo",
        1,
        context ->
            generation
                .vertx
                .createNetServer()
                .connectHandler(socket -> socket.pipe().to(socket))
                .listen(ANY_PORT));
    Drain drain;
    try (TestClient client = TestClient.connect(generation.last())) {
      client.send("before");
      assertEquals("before", client.read(6));
      drain = drain();
      client.send("while");
      assertEquals("while", client.read(5));
      assertFalse(drain.done().isDone());
    }
    DrainReport report = report(drain);
    assertEquals(1, report.finished(), report::toString);
    assertEnded(report, 1);
  }

  private interface TlsTest {
    void run(SSLSocketFactory trusting, InetSocketAddress server) throws Exception;
  }

  @SuppressWarnings("removal") // Vert.x has no other way to make a certificate
  private void withTlsServer(TlsTest test) throws Exception {
    SelfSignedCertificate certificate = SelfSignedCertificate.create();
    try {
      Listener tls =
          generation.http(
              "tls",
              new HttpServerOptions().setSsl(true).setKeyCertOptions(certificate.keyCertOptions()),
              ANY_PORT,
              this::handle);
      SSLContext trusting = SSLContext.getInstance("TLS");
      trusting.init(null, new TrustManager[] {new TrustingAll()}, null);
      test.run(trusting.getSocketFactory(), (InetSocketAddress) tls.address().toSocketAddress());
    } finally {
      certificate.delete();
    }
  }

  @Test
  void aTlsConnectionIsToldAndClosedWithANotice() throws Exception {
    withTlsServer(
        (trusting, server) -> {
          Drain drain;
          try (Socket client = trusting.createSocket(server.getAddress(), server.getPort())) {
            client
                .getOutputStream()
                .write(
                    "GET /later HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            Asked request = next();
            drain = drain();
            request.answer();
            // To its end: the JDK fails if that comes without close_notify.
            InputStream in = client.getInputStream();
            String answer = new String(in.readAllBytes(), StandardCharsets.US_ASCII);
            assertTrue(answer.startsWith("HTTP/1.1 200 "), answer);
            assertTrue(answer.toLowerCase(Locale.ROOT).contains("connection: close"), answer);
            assertTrue(answer.endsWith("answer to /later"), answer);
          }
          assertEnded(report(drain), 1);
        });
  }

  @Test
  void aTlsConnectionWithoutARequestIsIdle() throws Exception {
    withTlsServer(
        (trusting, server) -> {
          try (Socket silent = new Socket(server.getAddress(), server.getPort());
              SSLSocket ready =
                  (SSLSocket) trusting.createSocket(server.getAddress(), server.getPort())) {
            ready.startHandshake();
            Drain drain = drain();
            assertEquals(-1, silent.getInputStream().read());
            assertEquals(-1, ready.getInputStream().read());
            DrainReport report = report(drain);
            assertEquals(2, report.closed(), report::toString);
          }
        });
  }

  /** Wherever the reads of the server have cut them: the last byte of the last one is the end. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "GET /a HTT|P/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: x\r\nContent-Le|ngth: 1\r\n\r\n1"
            + "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n2",
      })
  void pipelinedRequestsThatWereCutAreOver(String requests) throws Exception {
    try (TestClient client = TestClient.connect(listener)) {
      String[] reads = requests.split("\\|");
      // That the first one is answered shows that what came with it has been read.
      client.send(lines("GET /x HTTP/1.1", "Host: x") + reads[0]);
      assertAnswer(client, "/x", false);
      client.send(reads[1]);
      assertAnswer(client, "/a", false);
      assertAnswer(client, "/b", false);
      DrainReport report = report(drain());
      assertEquals(1, report.closed(), report::toString);
      assertEquals(-1, client.next());
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void streamsOfHttp2AreInFlight(boolean upgrade) throws Exception {
    HttpClient client =
        generation.vertx.createHttpClient(
            new HttpClientOptions()
                .setProtocolVersion(HttpVersion.HTTP_2)
                .setHttp2ClearTextUpgrade(upgrade));
    int port = ((InetSocketAddress) listener.address().toSocketAddress()).getPort();
    List<Future<Buffer>> answers = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      answers.add(
          client
              .request(HttpMethod.GET, port, "127.0.0.1", "/later")
              .compose(HttpClientRequest::send)
              .compose(HttpClientResponse::body));
    }
    for (int i = 0; i < 3; i++) {
      next();
    }
    assertEquals(1, generation.listeners.connectionsOf(listener));
    assertEquals(3, generation.listeners.inFlight());
    Drain drain = drain(Duration.ZERO);
    assertTrue(report(drain).cutDescriptions().get(0).startsWith("HTTP_2 "));
    assertTrue(report(drain).cutDescriptions().get(0).endsWith(" with 3 in flight"));
    for (Future<Buffer> answer : answers) {
      assertThrows(Exception.class, () -> TestGeneration.await(answer));
    }
    assertEquals(0, generation.listeners.inFlight());
  }

  private static final class TrustingAll implements X509TrustManager {
    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type) {
      assertEquals(1, chain.length);
    }

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return new X509Certificate[0];
    }
  }

  @Test
  void aWebSocketIsToldThatTheServiceRestarts() throws Exception {
    generation.deploy(
        "ws",
        1,
        context ->
            generation
                .vertx
                .createHttpServer()
                .webSocketHandler(socket -> socket.textMessageHandler(socket::writeTextMessage))
                .listen(ANY_PORT));
    Drain drain;
    try (TestClient client = TestClient.connect(generation.last())) {
      client.send(
          lines(
              "GET / HTTP/1.1",
              "Host: x",
              "Connection: Upgrade",
              "Upgrade: websocket",
              "Sec-WebSocket-Version: 13",
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="));
      assertEquals(101, client.response().status());
      drain = drain();
      // RFC 6455, 5.2: a final close frame, its length, then the code 1012.
      assertEquals(0x88, client.next());
      int length = client.next();
      assertTrue(length >= 2 && length < 126, () -> "length " + length);
      assertEquals(1012, client.next() << 8 | client.next());
      assertEquals("service restart", client.read(length - 2));
    }
    assertEnded(report(drain), 1);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 8})
  void manyConnectionsEndWithoutALoss(int perConnection) throws Exception {
    int connections = 20;
    TestClient[] clients = new TestClient[connections];
    for (int i = 0; i < connections; i++) {
      clients[i] = TestClient.connect(listener);
      clients[i].send("GET /r HTTP/1.1\r\nHost: x\r\n\r\n".repeat(perConnection));
    }
    for (TestClient client : clients) {
      for (int r = 0; r < perConnection; r++) {
        assertAnswer(client, "/r", false);
      }
    }
    Drain drain = drain();
    for (TestClient client : clients) {
      client.get("/last");
    }
    for (TestClient client : clients) {
      assertLastAnswer(client, "/last");
      client.close();
    }
    assertEnded(report(drain), connections);
    assertNull(asked.poll());
  }
}
