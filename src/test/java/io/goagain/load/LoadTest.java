package io.goagain.load;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class LoadTest {
  private static final String HELLO = "hello generation=7 pid=42\n";

  // The parser.

  @Test
  void parsesALengthInPiecesOfAnySize() throws Exception {
    String answer = "HTTP/1.1 200 OK\r\ncontent-LENGTH: 26\r\nX: y\r\n\r\n" + HELLO;
    for (int size = 1; size <= answer.length(); size++) {
      ResponseParser parser = parse(answer, size);
      assertEquals(200, parser.status());
      assertEquals(HELLO, new String(parser.body(), ISO_8859_1));
      assertFalse(parser.close());
    }
  }

  @Test
  void parsesChunksWithExtensionsAndTrailers() throws Exception {
    List<String> lines =
        List.of(
            "HTTP/1.1 201 ",
            "Transfer-Encoding: Chunked",
            "",
            "A;x=y",
            "0123456789",
            "1",
            "!",
            "0",
            "Trailer: z",
            "",
            "");
    String answer = String.join("\r\n", lines);
    for (int size = 1; size <= answer.length(); size++) {
      ResponseParser parser = parse(answer, size);
      assertEquals(201, parser.status());
      assertEquals("0123456789!", new String(parser.body(), ISO_8859_1));
    }
  }

  @Test
  void skipsInterimAnswers() throws Exception {
    ResponseParser parser =
        parse("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", 7);
    assertEquals(204, parser.status());
    assertEquals(0, parser.body().length);
  }

  @Test
  void seesThatTheServerCloses() throws Exception {
    String length = "Content-Length: 0\r\n\r\n";
    assertTrue(parse("HTTP/1.1 200 OK\r\nConnection: x, Close\r\n" + length, 9).close());
    assertTrue(parse("HTTP/1.0 200 OK\r\n" + length, 9).close());
    assertFalse(parse("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + length, 9).close());
  }

  @Test
  void endsABodyWithoutLengthWithTheStream() throws Exception {
    ResponseParser parser = new ResponseParser();
    assertFalse(parser.feed(bytes("HTTP/1.1 200 OK\r\n\r\nall of it")));
    assertTrue(parser.end());
    assertTrue(parser.close());
    assertEquals("all of it", new String(parser.body(), ISO_8859_1));
  }

  @Test
  void isNotWholeWhereTheStreamEndsEarly() throws Exception {
    ResponseParser parser = new ResponseParser();
    assertFalse(parser.end());
    assertFalse(parser.started());
    assertFalse(parser.feed(bytes("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfour")));
    assertTrue(parser.started());
    assertFalse(parser.end());
  }

  @Test
  void leavesWhatFollowsTheAnswer() throws Exception {
    ByteBuffer in = bytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1");
    assertTrue(new ResponseParser().feed(in));
    assertEquals("HTTP/1.1".length(), in.remaining());
  }

  @Test
  void refusesWhatIsNotHttp() {
    for (String answer :
        List.of(
            "SSH-2.0\r\n",
            "HTTP/1.1 200 OK\n",
            "HTTP/1.1 200 OK\r\nno header\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n")) {
      ResponseParser parser = new ResponseParser();
      Lost lost = assertThrows(Lost.class, () -> parser.feed(bytes(answer)), answer);
      assertEquals(Failure.MALFORMED, lost.failure());
    }
  }

  // What a load counts.

  @Test
  void countsAnswersOnKeptConnections() throws Exception {
    try (StubServer server = StubServer.tcp(LoadTest::hello)) {
      Report report = run(Workload.gets(server.address(), 4, 400), 100);
      assertEquals(Map.of(), report.failures(), report::toString);
      assertEquals(report.requests(), report.generations().get(7));
      assertEquals(Set.of(42L), report.pids().keySet());
      assertEquals(4, report.keepAliveClients());
      assertEquals(4, report.keptConnections());
      assertEquals(0, report.reconnects());
      assertEquals(4, server.accepted());
    }
  }

  @Test
  void worksOverUnixSockets(@TempDir Path directory) throws Exception {
    Path path = directory.resolve("socket");
    try (StubServer server = StubServer.unix(path, LoadTest::hello)) {
      Report report = run(Workload.gets(server.address(), 2, 400), 50);
      assertEquals(Map.of(), report.failures(), report::toString);
      report = run(Workload.connects(server.address(), 2, 400), 50);
      assertEquals(Map.of(), report.failures(), report::toString);
      assertEquals(report.requests() + 2, server.accepted());
    }
    SocketAddress gone = UnixDomainSocketAddress.of(path);
    assertEquals(Set.of(Failure.CONNECT_REFUSED), lostBy(Workload.gets(gone, 1, 100)));
  }

  @Test
  void reconnectsAfterConnectionCloseWithoutFailure() throws Exception {
    try (StubServer server =
        StubServer.tcp(
            peer -> {
              hello(peer, "Connection: close\r\n");
              return false;
            })) {
      Report report = run(Workload.gets(server.address(), 2, 400), 50);
      assertEquals(Map.of(), report.failures(), report::toString);
      assertEquals(0, report.keptConnections());
      assertEquals(report.requests() - 2, report.reconnects());
      assertEquals(0, report.idleCloses());
    }
  }

  @Test
  void countsACleanIdleCloseAsNoFailure() throws Exception {
    try (StubServer server =
        StubServer.tcp(
            peer -> {
              hello(peer, "");
              return false;
            })) {
      // Slow enough for the end of the stream to be there long before the next request.
      Report report = run(Workload.gets(server.address(), 1, 10), 4);
      assertEquals(Map.of(), report.failures(), report::toString);
      assertEquals(report.requests() - 1, report.idleCloses());
      assertEquals(report.requests() - 1, report.reconnects());
    }
  }

  @Test
  void countsEachWayToLoseARequest() throws Exception {
    String part = "HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\nhello";
    assertLost(Failure.CONNECT_RESET, peer -> peer.reset());
    assertLost(Failure.RESET, peer -> peer.send(part) && peer.reset());
    assertLost(Failure.CLOSED_EARLY, peer -> false);
    assertLost(Failure.CLOSED_EARLY, peer -> !peer.send(part));
    assertLost(Failure.BAD_STATUS, peer -> peer.send(answer("503 Busy", "", "busy")));
    assertLost(Failure.BAD_BODY, peer -> peer.send(answer("200 OK", "", "hello\n")));
    assertLost(Failure.MALFORMED, peer -> peer.send("hello\r\n"));
    assertLost(Failure.MALFORMED, peer -> peer.send(answer("200 OK", "", HELLO) + "more"));
  }

  @Test
  void countsAConnectionClosedUnderARequest() throws Exception {
    AtomicInteger requests = new AtomicInteger();
    try (StubServer server =
        StubServer.tcp(peer -> requests.incrementAndGet() % 2 == 1 && hello(peer))) {
      Report report = run(Workload.gets(server.address(), 1, 200), 21);
      assertEquals(Set.of(Failure.CLOSED_ON_REUSE), report.failures().keySet(), report::toString);
      assertEquals(report.requests() / 2, report.failed());
      assertEquals(5, report.firstFailures().size());
      assertTrue(
          report
              .firstFailures()
              .get(0)
              .matches(" *\\d+\\.\\d+ s CLOSED_ON_REUSE get port \\d+: request 2, \\d+ of .*"),
          report::toString);
    }
  }

  @Test
  void countsAConnectionResetUnderARequest() throws Exception {
    AtomicInteger requests = new AtomicInteger();
    try (StubServer server =
        StubServer.tcp(peer -> requests.incrementAndGet() % 2 == 1 ? hello(peer) : peer.reset())) {
      Report report = run(Workload.gets(server.address(), 1, 200), 10);
      assertEquals(Set.of(Failure.CLOSED_ON_REUSE), report.failures().keySet(), report::toString);
    }
  }

  @Test
  void countsRefusedConnections() throws Exception {
    SocketAddress address;
    try (StubServer server = StubServer.tcp(LoadTest::hello)) {
      address = server.address();
    }
    assertEquals(Set.of(Failure.CONNECT_REFUSED), lostBy(Workload.connects(address, 1, 100)));
  }

  @Test
  void countsTimeoutsAndWhatCouldNotBeSentBecauseOfThem() throws Exception {
    try (StubServer server = StubServer.tcp(StubServer.Peer::awaitEnd)) {
      Load load = new Load().add(Workload.gets(server.address(), 1, 1000));
      load.timeout(Duration.ofMillis(50)).start().awaitRequests(2);
      Report report = load.stop();
      assertEquals(
          Set.of(Failure.TIMEOUT, Failure.NOT_SENT), report.failures().keySet(), report::toString);
      assertEquals(report.requests(), report.failed());
      assertTrue(report.failures().get(Failure.NOT_SENT) > 10, report::toString);
    }
  }

  /** The point of an open loop: whatever was due during a stall is late, not only one request. */
  @Test
  void seesAStallInEveryRequestThatWasDueMeanwhile() throws Exception {
    AtomicInteger requests = new AtomicInteger();
    CountDownLatch stalled = new CountDownLatch(1);
    CountDownLatch release = new CountDownLatch(1);
    try (StubServer server =
        StubServer.tcp(
            peer -> {
              if (requests.incrementAndGet() == 10) {
                stalled.countDown();
                release.await();
              }
              return hello(peer);
            })) {
      try (Load load = new Load().add(Workload.gets(server.address(), 1, 200)).start()) {
        stalled.await();
        long from = System.nanoTime();
        // Time itself is the subject: 80 requests fall due in it.
        TimeUnit.MILLISECONDS.sleep(400);
        long to = System.nanoTime();
        release.countDown();
        load.awaitRequests(80);
        Report report = load.stop();
        assertEquals(Map.of(), report.failures(), report::toString);
        Report.Window window = report.window(from, to);
        assertTrue(window.requests() >= 78, window::toString);
        assertTrue(window.p50().toMillis() >= 150, window::toString);
        assertTrue(window.max().toMillis() >= 380, window::toString);
      }
    }
  }

  @Test
  void comparesEchoesByteForByte() throws Exception {
    try (StubServer server = StubServer.tcp(peer -> peer.echo(body -> body))) {
      Report report = run(Workload.echoes(server.address(), 2, 200), 60);
      assertEquals(Map.of(), report.failures(), report::toString);
      assertEquals(report.requests(), report.requests("echo"));
    }
    try (StubServer server =
        StubServer.tcp(
            peer ->
                peer.echo(
                    body -> {
                      byte[] wrong = Arrays.copyOf(body, Math.max(1, body.length));
                      wrong[body.length / 2] ^= 1;
                      return wrong;
                    }))) {
      Report report = run(Workload.echoes(server.address(), 1, 100), 5);
      assertEquals(Map.of(Failure.BAD_BODY, report.requests()), report.failures());
      assertEquals(1, report.keptConnections());
    }
  }

  @Test
  void subtractsTheWaitOfSlowRequests() throws Exception {
    try (StubServer server =
        StubServer.tcp(
            peer -> {
              assertTrue(peer.path().equals("/slow?millis=200"), peer::path);
              TimeUnit.MILLISECONDS.sleep(200);
              return hello(peer);
            })) {
      Report report = run(Workload.slow(server.address(), 2, 10, Duration.ofMillis(200)), 4);
      assertEquals(Map.of(), report.failures(), report::toString);
      assertTrue(report.window(sample -> true).p50().toMillis() < 100, report::toString);
    }
  }

  @Test
  void sendsBackToBackWhereThereIsNoRate() throws Exception {
    try (StubServer server = StubServer.tcp(LoadTest::hello)) {
      try (Load load = Load.keepAlive(server.address(), 2).start()) {
        load.awaitRequests(500);
        Report report = load.stop();
        assertEquals(Map.of(), report.failures(), report::toString);
        assertEquals(2, report.keptConnections());
      }
    }
  }

  @Test
  void takesNearestRankPercentiles() {
    List<Sample> samples =
        LongStream.rangeClosed(1, 200)
            .mapToObj(i -> new Sample("get", i, i, 1000 * (201 - i), null, 1, 1))
            .toList();
    Report report = new Report(0, samples, List.of(), List.of());
    assertEquals(
        new Report.Window(
            200,
            0,
            Duration.ofNanos(100_000),
            Duration.ofNanos(198_000),
            Duration.ofNanos(200_000)),
        report.window(sample -> true));
    assertEquals(
        new Report.Window(0, 0, Duration.ZERO, Duration.ZERO, Duration.ZERO),
        report.window(300, 400));
    assertEquals(Map.of(1, 200), report.generations());
  }

  private static void assertLost(Failure expected, StubServer.Behaviour behaviour)
      throws Exception {
    try (StubServer server = StubServer.tcp(behaviour)) {
      // A new connection each, so that one request does not tell of another.
      assertEquals(Set.of(expected), lostBy(Workload.connects(server.address(), 1, 100)));
    }
  }

  /** The ways in which a workload loses all of its requests. */
  private static Set<Failure> lostBy(Workload workload) throws Exception {
    Report report = run(workload, 4);
    assertEquals(report.requests(), report.failed(), report::toString);
    return report.failures().keySet();
  }

  private static Report run(Workload workload, int requests) throws Exception {
    Load load = new Load().add(workload).start();
    load.awaitRequests(requests);
    return load.stop();
  }

  private static boolean hello(StubServer.Peer peer) throws IOException {
    return hello(peer, "");
  }

  private static boolean hello(StubServer.Peer peer, String headers) throws IOException {
    return peer.send(answer("200 OK", headers, HELLO));
  }

  private static String answer(String status, String headers, String body) {
    return "HTTP/1.1 "
        + status
        + "\r\n"
        + headers
        + "Content-Length: "
        + body.length()
        + "\r\n\r\n"
        + body;
  }

  private static ResponseParser parse(String answer, int size) throws Lost {
    ResponseParser parser = new ResponseParser();
    ByteBuffer all = bytes(answer);
    boolean whole = false;
    while (all.hasRemaining()) {
      assertFalse(whole);
      int n = Math.min(size, all.remaining());
      ByteBuffer piece = all.slice(all.position(), n);
      whole = parser.feed(piece);
      assertEquals(0, piece.remaining());
      all.position(all.position() + n);
    }
    assertTrue(whole, parser::progress);
    return parser;
  }

  private static ByteBuffer bytes(String text) {
    return ByteBuffer.wrap(text.getBytes(ISO_8859_1));
  }
}
