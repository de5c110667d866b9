package io.goagain.process;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.load.Load;
import io.goagain.load.Report;
import io.goagain.load.Workload;
import io.goagain.process.AppProcess.Generation;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.json.JsonObject;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Queue;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** HTTP/1.1 connections go on in the successor, whatever they are doing. */
@Timeout(300)
class HttpHandoverIT {
  private static final int POSTERS = 64;

  /** Descriptors that a JVM and this test need beside those of the connections. */
  private static final int OTHER_DESCRIPTORS = 500;

  private static AppProcess single(String... more) throws IOException {
    List<String> args =
        new ArrayList<>(List.of("single", "--host", "127.0.0.1", "--port", "0", "--admin", "0"));
    args.addAll(List.of("--options", Restarts.QUICK));
    args.addAll(List.of(more));
    return AppProcess.start(args.toArray(String[]::new));
  }

  @Test
  void idleAndBusyConnectionsKeepTheirPorts() throws Exception {
    try (AppProcess app = single()) {
      SocketAddress address = app.socketAddress("public");
      assertAllMove(app, address, Load.keepAlive(address, 16));
    }
  }

  @Test
  void unixConnectionsMove(@TempDir Path directory) throws Exception {
    try (AppProcess app = single("--unix", directory.resolve("socket").toString())) {
      SocketAddress address = app.socketAddress("unix");
      assertAllMove(
          app,
          address,
          Load.keepAlive(address, 8)
              .add(Workload.echoes(address, 4, 40))
              .add(Workload.connects(address, 2, 100)));
    }
  }

  /** Restarts under the load, beside which there are idle connections. */
  private static void assertAllMove(AppProcess app, SocketAddress address, Load load)
      throws Exception {
    List<RawHttp> idle = idle(address, 50);
    try (load) {
      load.start();
      for (int i = 0; i < Restarts.COUNT; i++) {
        load.awaitRequests(1_000);
        assertAnsweredBy(Restarts.restart(app), idle);
      }
      load.awaitRequests(1_000);
      assertNothingLost(load.stop());
    } finally {
      closeAll(idle);
    }
    assertNothingCut(app);
  }

  @Test
  void postsWithThinkTimesAreNeverLost() throws Exception {
    try (AppProcess app = single();
        Posters posters = new Posters(app.socketAddress("public"))) {
      for (int i = 0; i < Restarts.COUNT; i++) {
        posters.awaitMore(5_000);
        Generation ignored = Restarts.restart(app);
      }
      posters.awaitMore(5_000);
      posters.finish();
      assertEquals(0, posters.failed.get(), posters::toString);
      assertNothingCut(app);
    }
  }

  /** The control: what the same clients see of Vert.x's own graceful shutdown. */
  @Test
  void postsWithThinkTimesAreLostWithoutHandover() throws Exception {
    Vertx old = Vertx.vertx(new VertxOptions().setPreferNativeTransport(true));
    Vertx fresh = Vertx.vertx(new VertxOptions().setPreferNativeTransport(true));
    try {
      HttpServer first = plain(old, 0);
      try (Posters posters = new Posters(new InetSocketAddress("127.0.0.1", first.actualPort()))) {
        posters.awaitMore(5_000);
        HttpServer second = plain(fresh, first.actualPort());
        assertEquals(first.actualPort(), second.actualPort());
        first.shutdown(30, TimeUnit.SECONDS).toCompletionStage().toCompletableFuture().join();
        posters.awaitMore(5_000);
        posters.finish();
        System.out.println("control: " + posters);
        assertTrue(posters.failed.get() > 0, posters::toString);
      }
    } finally {
      old.close().toCompletionStage().toCompletableFuture().join();
      fresh.close().toCompletionStage().toCompletableFuture().join();
    }
  }

  private static HttpServer plain(Vertx vertx, int port) {
    return vertx
        .createHttpServer(
            new HttpServerOptions().setHost("127.0.0.1").setPort(port).setReusePort(true))
        .requestHandler(request -> request.body().onSuccess(body -> request.response().end(body)))
        .listen()
        .toCompletionStage()
        .toCompletableFuture()
        .join();
  }

  /** Keep-alive connections with POSTs and 0 to 20 ms between them; nothing is sent twice. */
  private static final class Posters implements AutoCloseable {
    private final AtomicInteger answered = new AtomicInteger();
    private final AtomicInteger failed = new AtomicInteger();
    private final Queue<String> how = new ArrayDeque<>();
    private final Clients clients = new Clients();
    private final SocketAddress address;

    Posters(SocketAddress address) {
      this.address = address;
      for (int i = 0; i < POSTERS; i++) {
        SplittableRandom random = new SplittableRandom(i);
        RawHttp[] wire = new RawHttp[1];
        clients.repeat(() -> post(random, wire));
      }
    }

    private void post(SplittableRandom random, RawHttp[] wire) throws Exception {
      Clients.pause(random.nextInt(20_000));
      byte[] body = new byte[random.nextInt(2_000)];
      random.nextBytes(body);
      try {
        if (wire[0] == null) {
          wire[0] = RawHttp.connect(address);
        }
        byte[] echoed = wire[0].send(RawHttp.echo(body)).answer().body();
        if (!Arrays.equals(body, echoed)) {
          throw new IOException("not what was sent");
        }
        count(answered);
      } catch (IOException e) {
        synchronized (how) {
          how.add(wire[0] + ": " + e);
        }
        if (wire[0] != null) {
          wire[0].close();
          wire[0] = null;
        }
        count(failed);
      }
    }

    private void count(AtomicInteger counter) {
      synchronized (how) {
        counter.incrementAndGet();
        how.notifyAll();
      }
    }

    void awaitMore(int requests) throws InterruptedException {
      synchronized (how) {
        int wanted = answered.get() + requests;
        long deadline = System.nanoTime() + AppProcess.LIMIT.toNanos();
        while (answered.get() < wanted) {
          assertTrue(System.nanoTime() - deadline < 0, this::toString);
          how.wait(1_000);
        }
      }
    }

    void finish() throws InterruptedException {
      clients.finish();
    }

    @Override
    public String toString() {
      synchronized (how) {
        return answered + " answered, " + failed + " failed: " + how.stream().limit(10).toList();
      }
    }

    @Override
    public void close() {
      clients.close();
    }
  }

  /**
   * Batches of 1 to 8 pipelined GETs and POSTs, written in pieces of any size, all the time; and at
   * each restart batches that are cut at every kind of place, whose rest comes when the successor
   * has said ready.
   */
  @Test
  void pipelinesMoveWhereverTheyAreCut() throws Exception {
    try (AppProcess app = single();
        Clients clients = new Clients()) {
      SocketAddress address = app.socketAddress("public");
      AtomicInteger batches = new AtomicInteger();
      for (int i = 0; i < 8; i++) {
        SplittableRandom random = new SplittableRandom(i);
        RawHttp wire = RawHttp.connect(address);
        clients.repeat(
            () -> {
              Batch batch = new Batch(random);
              for (int at = 0; at < batch.bytes.length; ) {
                int to = Math.min(batch.bytes.length, at + random.nextInt(1, 400));
                wire.send(batch.bytes, at, to);
                at = to;
                if (random.nextInt(4) == 0) {
                  Clients.pause(random.nextInt(500));
                }
              }
              batch.readAnswers(wire);
              batches.incrementAndGet();
            });
      }
      for (int i = 0; i < 2; i++) {
        RawHttp wire = RawHttp.connect(address);
        clients.start(() -> alwaysTwoOpen(wire, clients));
      }
      List<RawHttp> cut = new ArrayList<>();
      SplittableRandom random = new SplittableRandom(99);
      for (int i = 0; i < 40; i++) {
        cut.add(RawHttp.connect(address));
      }
      for (int round = 0; round < Restarts.COUNT; round++) {
        long old = app.newest().pid();
        List<Batch> sent = new ArrayList<>();
        for (int i = 0; i < cut.size(); i++) {
          Batch batch = new Batch(random);
          batch.cut = batch.place(Place.values()[i % Place.values().length], random);
          cut.get(i).send(batch.bytes, 0, batch.cut);
          sent.add(batch);
        }
        Generation next = Restarts.ask(app);
        for (int i = 0; i < cut.size(); i++) {
          cut.get(i).send(sent.get(i).bytes, sent.get(i).cut, sent.get(i).bytes.length);
        }
        for (int i = 0; i < cut.size(); i++) {
          try {
            sent.get(i).readAnswers(cut.get(i));
          } catch (IOException e) {
            throw new AssertionError(
                app.failure(sent.get(i) + " on " + cut.get(i)).getMessage(), e);
          }
        }
        Restarts.awaitMoved(app, old, next, cut);
        Restarts.awaitGone(app, old);
      }
      clients.finish();
      closeAll(cut);
      assertTrue(batches.get() > 100, () -> "only " + batches + " batches");
      assertNothingCut(app);
    }
  }

  /** Sends another request before it reads the last answer but one, so is never between two. */
  private static Void alwaysTwoOpen(RawHttp wire, Clients clients) throws IOException {
    int sent = 0;
    for (int read = 0; !clients.stopped() || read < sent; read++) {
      while (!clients.stopped() && sent < read + 3) {
        wire.send(RawHttp.echo(("request " + sent++).getBytes(UTF_8)));
      }
      assertEquals("request " + read, wire.answer().text(), wire::toString);
    }
    wire.close();
    return null;
  }

  /** Where a batch is cut. */
  private enum Place {
    REQUEST_LINE,
    HEADERS,
    BEFORE_BODY,
    BODY,
    BETWEEN
  }

  /** Pipelined requests. */
  private static final class Batch {
    private final byte[] bytes;
    private final List<byte[]> bodies = new ArrayList<>();
    private final List<Integer> starts = new ArrayList<>();
    private int cut;

    Batch(SplittableRandom random) {
      ByteArrayOutputStream all = new ByteArrayOutputStream();
      int size = random.nextInt(1, 9);
      // The last one has a body, to be cut in.
      for (int i = 0; i < size; i++) {
        starts.add(all.size());
        if (i < size - 1 && random.nextBoolean()) {
          bodies.add(null);
          all.writeBytes(RawHttp.request("/").getBytes(ISO_8859_1));
        } else {
          byte[] body = new byte[random.nextInt(2, 1_500)];
          random.nextBytes(body);
          bodies.add(body);
          all.writeBytes(RawHttp.echo(body));
        }
      }
      bytes = all.toByteArray();
    }

    /** A position in one of the requests. */
    int place(Place place, SplittableRandom random) {
      int request = random.nextInt(bodies.size());
      int start = starts.get(place == Place.BODY ? bodies.size() - 1 : request);
      int headers = start + "GET / HTTP/1.1\r\n".length();
      int body = start;
      while (!new String(bytes, body, 4, ISO_8859_1).equals("\r\n\r\n")) {
        body++;
      }
      body += 4;
      return switch (place) {
        case REQUEST_LINE -> start + random.nextInt(1, 14);
        case HEADERS -> random.nextInt(headers + 1, body);
        case BEFORE_BODY -> body;
        case BODY -> random.nextInt(body + 1, bytes.length);
        case BETWEEN -> start;
      };
    }

    @Override
    public String toString() {
      return "%d requests from %s, cut at %d: %s|%s"
          .formatted(
              bodies.size(),
              starts,
              cut,
              new String(bytes, 0, cut, ISO_8859_1).replaceAll("[^ -~]", "."),
              new String(bytes, cut, bytes.length - cut, ISO_8859_1).replaceAll("[^ -~]", "."));
    }

    void readAnswers(RawHttp wire) throws IOException {
      for (byte[] body : bodies) {
        RawHttp.Answer answer = wire.answer();
        if (body == null) {
          assertTrue(answer.pid() > 0);
        } else {
          assertArrayEquals(body, answer.body(), wire::toString);
        }
      }
    }
  }

  /**
   * What is in flight at a restart is finished by the old process, after its successor serves, and
   * its connection moves then. Time is the subject here: requests that take 3 s, uploads that take
   * 5 s, and a head whose second half comes a second late.
   */
  @Test
  void requestsInFlightFinishAndTheirConnectionsMoveThen() throws Exception {
    try (AppProcess app = single("--instances", "2")) {
      SocketAddress address = app.socketAddress("public");
      for (int round = 0; round < Restarts.COUNT; round++) {
        long old = app.newest().pid();
        CountDownLatch restarted = new CountDownLatch(1);
        List<RawHttp> wires = new ArrayList<>();
        try (Clients clients = new Clients()) {
          for (int i = 0; i < 4; i++) {
            wires.add(slow(clients, address, app, old));
            wires.add(upload(clients, address));
            wires.add(expectsContinue(clients, address, restarted));
            wires.add(halfHead(clients, address, restarted));
            wires.add(keepAliveHttp10(clients, address));
            closes(clients, address, "HTTP/1.1\r\nHost: goagain\r\nConnection: close");
            closes(clients, address, "HTTP/1.0");
          }
          Restarts.poll("requests in flight", app, () -> inFlight(app) >= 6 * 4);
          Generation next = Restarts.ask(app);
          restarted.countDown();
          clients.finish();
          // Without a pause: an answer that ends a request finds the connection stopped behind it.
          Restarts.awaitMoved(app, old, next, wires);
          Restarts.awaitGone(app, old);
        } finally {
          closeAll(wires);
        }
      }
      assertNothingCut(app);
    }
  }

  /**
   * A pipelined request moves with its connection, having been read by the old process, and is in
   * flight in the new one when that one is restarted. Time is the subject: it takes 5 s.
   */
  @Test
  void aRequestThatMovedIsFinishedAtTheNextRestart() throws Exception {
    try (AppProcess app = single();
        Clients clients = new Clients();
        RawHttp wire = RawHttp.connect(app.socketAddress("public"))) {
      long first = app.newest().pid();
      assertEquals(first, wire.pid());
      wire.send("GET / HTT");
      Generation second = Restarts.ask(app);
      // In one piece: the old process reads the second request with the rest of the first.
      wire.send("P/1.1\r\nHost: goagain\r\n\r\n" + RawHttp.request("/slow?millis=5000"));
      assertEquals(first, wire.answer().pid());
      Restarts.awaitGone(app, first);
      clients.start(
          () -> {
            assertEquals("slow 5000\n", wire.answer().text());
            return null;
          });
      Generation third = Restarts.ask(app);
      clients.finish();
      Restarts.awaitMoved(app, second.pid(), third, List.of(wire));
      Restarts.awaitGone(app, second.pid());
    }
  }

  /** What was begun and not answered; the one that asks is not counted. */
  private static int inFlight(AppProcess app) {
    try {
      return Restarts.status(app).getInteger("inFlight") - 1;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static RawHttp slow(Clients clients, SocketAddress address, AppProcess app, long old)
      throws IOException {
    RawHttp wire = RawHttp.connect(address).send(RawHttp.request("/slow?millis=3000"));
    clients.start(
        () -> {
          assertEquals("slow 3000\n", wire.answer().text(), () -> "slow " + wire);
          assertTrue(app.isAlive(old), "only the old process can have answered");
          return null;
        });
    return wire;
  }

  /** Fifty chunks, one every 100 ms. */
  private static RawHttp upload(Clients clients, SocketAddress address) throws IOException {
    String head = "POST /echo HTTP/1.1\r\nHost: goagain\r\nTransfer-Encoding: chunked\r\n\r\n";
    RawHttp wire = RawHttp.connect(address).send(head);
    clients.start(
        () -> {
          StringBuilder all = new StringBuilder();
          for (int i = 0; i < 50; i++) {
            String chunk = "chunk " + i + " of an upload;";
            wire.send(Integer.toHexString(chunk.length()) + "\r\n" + chunk + "\r\n");
            all.append(chunk);
            Clients.pause(100_000);
          }
          wire.send("0\r\n\r\n");
          assertEquals(all.toString(), wire.answer().text(), () -> "upload " + wire);
          return null;
        });
    return wire;
  }

  private static RawHttp expectsContinue(
      Clients clients, SocketAddress address, CountDownLatch restarted) throws IOException {
    RawHttp wire =
        RawHttp.connect(address)
            .send(
                "POST /echo HTTP/1.1\r\nHost: goagain\r\nExpect: 100-continue\r\n"
                    + "Content-Length: 4\r\n\r\n");
    clients.start(
        () -> {
          restarted.await();
          assertEquals("body", wire.send("body").answer().text(), () -> "expect " + wire);
          return null;
        });
    return wire;
  }

  private static RawHttp halfHead(Clients clients, SocketAddress address, CountDownLatch restarted)
      throws IOException {
    RawHttp wire = RawHttp.connect(address);
    assertTrue(wire.pid() > 0);
    wire.send("POST /echo HTTP/1.1\r\nHost: goa");
    clients.start(
        () -> {
          restarted.await();
          Clients.pause(1_000_000);
          wire.send("gain\r\nContent-Length: 4\r\n\r\nbody");
          assertEquals("body", wire.answer().text(), () -> "half a head " + wire);
          return null;
        });
    return wire;
  }

  private static RawHttp keepAliveHttp10(Clients clients, SocketAddress address)
      throws IOException {
    RawHttp wire =
        RawHttp.connect(address)
            .send("GET /slow?millis=2000 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    clients.start(
        () -> {
          assertEquals("slow 2000\n", wire.answer().text(), () -> "HTTP/1.0 " + wire);
          return null;
        });
    return wire;
  }

  private static void closes(Clients clients, SocketAddress address, String versionAndHeaders)
      throws IOException {
    RawHttp wire =
        RawHttp.connect(address).send("GET /slow?millis=2000 " + versionAndHeaders + "\r\n\r\n");
    clients.start(
        () -> {
          assertEquals("slow 2000\n", wire.answer().text(), () -> "closing " + wire);
          wire.awaitEnd();
          wire.close();
          return null;
        });
  }

  @Test
  void thousandsOfIdleConnectionsMove() throws Exception {
    int count = Math.min(10_000, openFiles() - OTHER_DESCRIPTORS);
    assertTrue(count >= 2_000, "ulimit -n is too low: " + openFiles());
    // The probation is long, so that the old process can be looked at after its drain.
    try (AppProcess app =
        AppProcess.start(
            "single", "--port", "0", "--admin", "0", "--options", "{\"probation\":60000}")) {
      SocketAddress address = app.socketAddress("public");
      Generation old = app.awaitReady(1);
      long base = sockets(app, old.pid());
      List<RawHttp> wires = idle(address, count);
      try {
        Restarts.poll(
            "all are accepted", app, () -> sockets(app, old.pid()) >= base + wires.size());
        long asked = System.nanoTime();
        Generation next = Restarts.ask(app);
        long ready = System.nanoTime();
        // Its listeners, and its line to the successor.
        Restarts.poll("the old one has let go", app, () -> sockets(app, old.pid()) <= base + 2);
        long moved = System.nanoTime();
        for (RawHttp wire : wires) {
          wire.send(RawHttp.request("/"));
        }
        for (RawHttp wire : wires) {
          assertEquals(next.pid(), wire.answer().pid(), wire::toString);
        }
        System.out.printf(
            "%d idle connections: ready after %d ms, moved %d ms later, all answered after %d ms%n",
            count,
            TimeUnit.NANOSECONDS.toMillis(ready - asked),
            TimeUnit.NANOSECONDS.toMillis(moved - ready),
            TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - moved));
        closeAll(wires);
        Restarts.poll("the new one, too", app, () -> sockets(app, next.pid()) <= base + 2);
        assertTrue(app.isAlive(old.pid()));
        // Nothing keeps it any more than the probation.
        app.signal(old.pid(), "TERM");
        Restarts.awaitGone(app, old.pid());
        JsonObject drained = Restarts.awaitDrained(app, 1);
        System.out.println("its drain: " + drained);
        assertEquals(count, drained.getInteger("moved"), drained::toString);
        Restarts.poll("the line is gone", app, () -> sockets(app, next.pid()) == base);
      } finally {
        closeAll(wires);
      }
    }
  }

  private static long sockets(AppProcess app, long pid) {
    try {
      return app.openDescriptors(pid).values().stream()
          .filter(target -> target.startsWith("socket:"))
          .count();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static int openFiles() throws IOException {
    try (Stream<String> limits = Files.lines(Path.of("/proc/self/limits"))) {
      String soft =
          limits
              .filter(line -> line.startsWith("Max open files"))
              .map(line -> line.split("\\s+", -1)[3])
              .findFirst()
              .orElseThrow();
      return soft.equals("unlimited") ? Integer.MAX_VALUE : Integer.parseInt(soft);
    }
  }

  /** Connections between two requests; on every other one nothing has been sent yet. */
  private static List<RawHttp> idle(SocketAddress address, int count) throws IOException {
    List<RawHttp> wires = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      RawHttp wire = RawHttp.connect(address);
      wires.add(wire);
      if (i % 2 == 0) {
        assertTrue(wire.pid() > 0);
      }
    }
    return wires;
  }

  private static void assertAnsweredBy(Generation next, List<RawHttp> wires) throws IOException {
    for (RawHttp wire : wires) {
      assertEquals(next.pid(), wire.pid(), wire::toString);
    }
  }

  private static void assertNothingLost(Report report) {
    assertEquals(0, report.failed(), report::toString);
    assertEquals(0, report.reconnects(), report::toString);
    assertEquals(0, report.idleCloses(), report::toString);
    assertEquals(report.keepAliveClients(), report.keptConnections(), report::toString);
    assertEquals(Restarts.COUNT + 1, report.generations().size(), report::toString);
  }

  private static void assertNothingCut(AppProcess app) {
    for (int generation = 1; generation <= Restarts.COUNT; generation++) {
      JsonObject drained = Restarts.awaitDrained(app, generation);
      assertEquals(0, drained.getInteger("cut"), drained::toString);
    }
  }

  private static void closeAll(List<RawHttp> wires) throws IOException {
    for (RawHttp wire : wires) {
      wire.close();
    }
  }
}
