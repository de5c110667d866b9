package io.goagain.process;

import static io.goagain.process.SingleApp.assertNothingLost;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.impl.net.ControlAccess;
import io.goagain.impl.net.LineRequest;
import io.goagain.impl.posix.DescriptorMessages;
import io.goagain.impl.posix.PosixException;
import io.goagain.load.Load;
import io.goagain.process.AppProcess.Generation;
import io.goagain.process.ControlClient.Answer;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.FileDescriptor;
import io.netty.util.ReferenceCountUtil;
import java.io.IOException;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Whatever is done to the control socket, the service goes on, and nothing is left of it. */
@Timeout(300)
class ControlAbuseIT {
  private static final String SECRET = "d41d8cd98f00b204";
  private static final int MOST = 64;
  private static final int BODY_SECONDS = 10;
  private static final String HELLO = "{\"goagain\":1,\"pid\":7}\n";
  private static final Pattern TRACE = Pattern.compile("^\\s+at [\\w.$/@]+\\(");

  private static EventLoopGroup loop;

  private final ControlClient control;
  private final SingleApp.Starter starter;

  private interface Abuse {
    void of(SingleApp app) throws Exception;
  }

  ControlAbuseIT() throws IOException {
    starter = SingleApp.starter().environment("SECRET_MARKER", SECRET);
    control = ControlClient.of(starter);
  }

  @BeforeAll
  static void startLoop() {
    loop = new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
  }

  @AfterAll
  static void stopLoop() {
    loop.shutdownGracefully(0, 1, TimeUnit.SECONDS).syncUninterruptibly();
  }

  private void survives(Abuse abuse) throws Exception {
    try (SingleApp app = starter.start()) {
      Generation first = app.process().newest();
      // What is loaded and opened by the first time only.
      control.get("/status");
      try (Line line = line()) {
        line.says("garbage\n").ends();
      }
      final Map<String, Long> descriptors = app.settledDescriptors(first.pid());
      Load load = app.load();
      abuse.of(app);
      assertEquals("SERVING", control.get("/status").getString("state"));
      assertNothingLost(load, 1);
      app.awaitNoMoreDescriptors(first.pid(), descriptors);
      load = app.load();
      Answer answer = control.post("/restart", "");
      assertEquals(200, answer.status(), () -> app.process().failure("" + answer).getMessage());
      app.handedOver(first);
      assertNothingLost(load, 1, 2);
      assertEquals(2, control.get("/status").getInteger("generation"));
      for (String line : app.process().lines()) {
        boolean trace = TRACE.matcher(line).find() || line.contains("OutOfMemoryError");
        assertFalse(trace, () -> app.process().failure(line).getMessage());
        assertFalse(line.contains(SECRET), line);
      }
    }
  }

  // Connections.

  @Test
  void tooManyConnectionsAndSilentOnes() throws Exception {
    survives(
        app -> {
          List<Wire> wires = new ArrayList<>();
          try {
            app.await("nobody else is there", () -> admitted(wires));
            for (int i = 1; i < MOST; i++) {
              Wire wire = control.wire();
              wires.add(wire);
              if (i % 2 == 0) {
                assertEquals(200, wire.send(Wire.get("/status")).answer().status());
              }
            }
            for (int i = 0; i < 20; i++) {
              try (Wire wire = control.wire()) {
                Answer answer = ControlClient.answer(wire);
                assertEquals(503, answer.status(), answer::toString);
                assertEquals("BUSY", answer.code(), answer::toString);
              }
            }
            assertEquals(200, wires.get(0).send(Wire.get("/status")).answer().status());
          } finally {
            closeAll(wires);
          }
          app.await("it answers again", () -> control.send(Wire.get("/status")).status() == 200);
        });
  }

  private boolean admitted(List<Wire> wires) throws IOException {
    Wire wire = control.wire();
    wires.add(wire);
    return wire.send(Wire.get("/status")).answer().status() == 200;
  }

  @Test
  void silentConnectionsDoNotHinderARestart() throws Exception {
    survives(
        app -> {
          List<Wire> wires = new ArrayList<>();
          for (int i = 0; i < 20; i++) {
            wires.add(control.wire());
          }
          assertEquals(502, control.post("/restart", "{\"command\":[\"/nonexistent\"]}").status());
          for (Wire wire : wires.subList(0, 10)) {
            assertEquals(200, wire.send(Wire.get("/status")).answer().status());
          }
          closeAll(wires);
        });
  }

  private static void closeAll(List<Wire> wires) throws IOException {
    for (Wire wire : wires) {
      wire.close();
    }
  }

  // Requests.

  @Test
  void whatIsNoHttp() throws Exception {
    survives(
        app -> {
          String crlf = "\r\nHost: goagain\r\n\r\n";
          List<String> all =
              List.of(
                  "garbage\r\n\r\n",
                  "\0\1\2\377\r\n\r\n",
                  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                  "GET /status HTTP/9.9" + crlf,
                  "GET /status" + crlf,
                  "GET http://%zz/ HTTP/1.1" + crlf,
                  "GET * HTTP/1.1" + crlf,
                  "GET /restart?wait=%zz HTTP/1.1" + crlf,
                  "POST /restart?wait=%zz HTTP/1.1" + crlf,
                  "CONNECT x:1 HTTP/1.1" + crlf,
                  "POST /restart HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                  "POST /restart HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
                  "POST /restart HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                  "GET /takeover?half=messages&token=%zz HTTP/1.1\r\nHost: x\r\n"
                      + "Connection: Upgrade\r\nUpgrade: goagain\r\n\r\n");
          for (String text : all) {
            try (Wire wire = control.wire()) {
              sendUntilRefused(wire, text);
            }
            try (Wire wire = control.wire()) {
              sendUntilRefused(wire, text);
              wire.send(Wire.get("/status"));
              int status = wire.answer().status();
              // CONNECT, the last and the unknown version are answered with what they deserve.
              assertTrue(status >= 400 && status < 600 || status == 200, text + status);
            } catch (IOException e) {
              assertTrue(control.get("/status").containsKey("state"), text);
            }
          }
          for (String half : List.of("", "G", "GET /sta", "GET /status HTTP/1.1\r\nHost:")) {
            try (Wire wire = control.wire()) {
              wire.send(half);
            }
          }
        });
  }

  @Test
  void tooLongHeads() throws Exception {
    survives(
        app -> {
          String get = "GET /status HTTP/1.1\r\nHost: goagain\r\n";
          List<String> heads =
              List.of(
                  "GET /" + "x".repeat(1 << 20) + " HTTP/1.1\r\n\r\n",
                  get + "X: " + "x".repeat(1 << 20) + "\r\n\r\n",
                  get + "X: y\r\n".repeat(10_000) + "\r\n");
          for (String head : heads) {
            try (Wire wire = control.wire()) {
              sendUntilRefused(wire, head);
              int status = wire.answer().status();
              assertTrue(status == 414 || status == 431 || status == 400, () -> "" + status);
            }
          }
        });
  }

  @Test
  void tooLongBodiesAndNone() throws Exception {
    survives(
        app -> {
          try (Wire never = control.wire();
              Wire half = control.wire()) {
            long begun = System.nanoTime();
            never.send(length(5));
            half.send(length(5) + "{");
            long giga = 1L << 30;
            String chunk = Integer.toHexString(1 << 16) + "\r\n" + "x".repeat(1 << 16) + "\r\n";
            String chunked =
                "POST /restart HTTP/1.1\r\nHost: goagain\r\nTransfer-Encoding: chunked\r\n\r\n";
            tooLong(length(giga), "x".repeat(1 << 16), giga >> 16);
            tooLong(chunked, chunk, giga >> 16);
            for (Wire wire : List.of(never, half)) {
              Answer late = ControlClient.answer(wire);
              assertEquals(408, late.status(), late::toString);
              wire.awaitEnd();
            }
            long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - begun);
            assertTrue(seconds >= BODY_SECONDS - 1 && seconds < BODY_SECONDS + 10, seconds + " s");
          }
        });
  }

  private static String length(long length) {
    return "POST /restart HTTP/1.1\r\nHost: goagain\r\nContent-Length: " + length + "\r\n\r\n";
  }

  private void tooLong(String head, String piece, long pieces) throws IOException {
    try (Wire wire = control.wire()) {
      wire.send(head);
      long sent = 0;
      while (sent < pieces && sendUntilRefused(wire, piece)) {
        sent++;
      }
      long accepted = sent;
      assertTrue(accepted < 256, () -> accepted + " pieces were read");
      Answer answer = ControlClient.answer(wire);
      assertEquals(413, answer.status(), answer::toString);
      wire.awaitEnd();
    }
  }

  /** False if the peer has closed: what it said before that can still be read. */
  private static boolean sendUntilRefused(Wire wire, String text) throws IOException {
    try {
      wire.send(text);
      return true;
    } catch (SocketException e) {
      return false;
    } catch (IOException e) {
      assertTrue(String.valueOf(e.getMessage()).matches("Broken pipe|Connection reset.*"), "" + e);
      return false;
    }
  }

  @Test
  void pipelinedRequestsAndDescriptors() throws Exception {
    survives(
        app -> {
          try (Wire wire = control.wire()) {
            wire.send(Wire.get("/status").repeat(50) + Wire.get("/nothing") + Wire.get("/history"));
            for (int i = 0; i < 50; i++) {
              assertEquals(200, wire.answer().status());
            }
            assertEquals(404, wire.answer().status());
            assertEquals(200, wire.answer().status());
          }
          FileDescriptor file = FileDescriptor.from("/dev/null");
          Channel channel = connect();
          try {
            for (int i = 0; i < 20; i++) {
              // Each with a byte that is no HTTP: it may be closed after any of them.
              channel.writeAndFlush(file).await();
            }
            write(channel, Wire.get("/status"));
          } finally {
            channel.close().sync();
            file.close();
          }
        });
  }

  private Channel connect() throws InterruptedException {
    return new Bootstrap()
        .group(loop)
        .channel(EpollDomainSocketChannel.class)
        .handler(new ChannelInboundHandlerAdapter())
        .connect(new DomainSocketAddress(control.path().toString()))
        .sync()
        .channel();
  }

  private static ChannelFuture write(Channel channel, String text) throws InterruptedException {
    return channel.writeAndFlush(Unpooled.copiedBuffer(text, StandardCharsets.UTF_8)).await();
  }

  // Upgrades.

  /** Two connections that have been upgraded. */
  private static final class Line implements AutoCloseable {
    private final Channel messages;
    private final EpollDomainSocketChannel descriptors;
    private final StringBuffer heard = new StringBuffer();
    private final List<String> said = new ArrayList<>();

    Line(int[] sockets) {
      messages = new EpollDomainSocketChannel(sockets[0]);
      descriptors = new EpollDomainSocketChannel(sockets[1]);
      for (Channel channel : List.of(messages, descriptors)) {
        // Failed writes are this test's affair; the end is when the peer closes.
        channel.config().setAutoClose(false);
        channel.pipeline().addLast(new Reader());
        loop.register(channel).syncUninterruptibly();
      }
    }

    Line says(String text) throws InterruptedException {
      said.add(text.substring(0, Math.min(100, text.length())));
      write(messages, text);
      return this;
    }

    /** Waits for what the peer says, or its end. */
    Line hears(SingleApp app, String text) {
      app.await("it says " + text, () -> heard.indexOf(text) >= 0 || !messages.isActive());
      return this;
    }

    /**
     * Sends a descriptor so often, or until the peer is gone. Not by Netty, which gives a socket up
     * that has no room for one; on the thread that closes the socket.
     */
    Line floods(int descriptor, int times) throws Exception {
      DescriptorMessages out = new DescriptorMessages(descriptors.fd().intValue());
      for (int sent = 0; sent < times; ) {
        Callable<Boolean> send = () -> descriptors.isOpen() && out.send(descriptor);
        try {
          if (loop.submit(send).get()) {
            sent++;
          } else if (!descriptors.isOpen()) {
            break;
          }
        } catch (ExecutionException gone) {
          assertInstanceOf(PosixException.class, gone.getCause());
          break;
        }
      }
      return this;
    }

    private final class Reader extends ChannelInboundHandlerAdapter {
      @Override
      public void channelRead(ChannelHandlerContext ctx, Object bytes) {
        heard.append(((ByteBuf) bytes).toString(StandardCharsets.UTF_8));
        ReferenceCountUtil.release(bytes);
      }

      @Override
      public void exceptionCaught(ChannelHandlerContext ctx, Throwable reset) {
        ctx.close();
      }
    }

    /** Waits until the peer has closed both. */
    void ends() throws InterruptedException {
      assertTrue(messages.closeFuture().await(20, TimeUnit.SECONDS), () -> said + " " + heard);
      assertTrue(descriptors.closeFuture().await(20, TimeUnit.SECONDS), () -> said + " " + heard);
    }

    @Override
    public void close() {
      messages.close().syncUninterruptibly();
      descriptors.close().syncUninterruptibly();
    }
  }

  private Line line() throws IOException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    return new Line(
        LineRequest.send(control.path().toString(), ControlAccess.of(List.of()), deadline));
  }

  private static String half(String half, String token) {
    return ("GET /takeover?half=%s&token=%s HTTP/1.1\r\nHost: goagain\r\n"
            + "Connection: Upgrade\r\nUpgrade: goagain\r\n\r\n")
        .formatted(half, token);
  }

  private void awaitServing(SingleApp app) {
    app.await("it serves", () -> control.get("/status").getString("state").equals("SERVING"));
  }

  @Test
  void halvesWithoutTheOther() throws Exception {
    survives(
        app -> {
          try (Wire messages = control.wire();
              Wire again = control.wire();
              Wire descriptors = control.wire();
              Line silent = line()) {
            assertEquals(101, messages.send(half("messages", "a")).answer().status());
            again.send(half("messages", "a"));
            again.awaitEnd();
            assertEquals(101, descriptors.send(half("descriptors", "b")).answer().status());
            descriptors.awaitEnd();
            messages.awaitEnd();
            silent.ends();
          }
          List<Wire> many = new ArrayList<>();
          int busy = 0;
          int upgraded = 0;
          for (int i = 0; i < 100; i++) {
            Wire wire = control.wire();
            many.add(wire);
            int status = wire.send(half("messages", "many-" + i)).answer().status();
            assertTrue(status == 101 || status == 503, status + " for " + i);
            upgraded += status == 101 ? 1 : 0;
            if (status == 503) {
              busy++;
              wire.close();
            }
          }
          assertEquals(100, busy + upgraded);
          assertTrue(upgraded == 16, upgraded + " were upgraded");
          for (Wire wire : many.subList(0, 16)) {
            wire.awaitEnd();
          }
          closeAll(many);
          try (Line line = line()) {
            line.says("{\"goagain\":99}\n").ends();
          }
        });
  }

  @Test
  void helloThatIsNone() throws Exception {
    survives(
        app -> {
          List<String> hellos =
              List.of(
                  "garbage\n",
                  "GET / HTTP/1.1\r\n\r\n",
                  "\n",
                  "[]\n",
                  "null\n",
                  "1\n",
                  "{}\n",
                  "{\"goagain\":99}\n",
                  "{\"goagain\":\"1\"}\n",
                  "{\"goagain\":[1]}\n",
                  "{\"goagain\":1.0}\n",
                  "{\"goagain\":18446744073709551617}\n",
                  "{\"goagain\":99,\"x\":" + "[".repeat(100_000) + "}\n",
                  "{\"type\":\"ready\",\"listeners\":[]}\n",
                  "\377\376\0\n");
          for (String hello : hellos) {
            try (Line line = line()) {
              line.says(hello).ends();
            }
          }
          assertEquals(List.of(), control.history());
        });
  }

  @Test
  void conversationsThatAreNone() throws Exception {
    survives(
        app -> {
          List<String> wrong =
              List.of(
                  "garbage\n",
                  "[]\n",
                  "{\"type\":null}\n{\"type\":\"ready\",\"listeners\":\"public\"}\n",
                  "{\"type\":\"ready\",\"listeners\":[1]}\n",
                  "{\"type\":\"ready\",\"listeners\":[null]}\n{\"type\":\"accepting\"}\n",
                  "{\"type\":\"ready\",\"listeners\":[]}\n",
                  "{\"type\":\"publish\"}\n",
                  "{\"type\":\"publish\",\"address\":\"goagain.stop\"}\n",
                  "{\"type\":\"publish\",\"address\":7}\n",
                  "{\"type\":\"listener\",\"name\":\"x\"}\n".repeat(1_000),
                  "{\"type\":\"standby\"}\n".repeat(50));
          List<String> pointless =
              List.of(
                  "",
                  "{\"type\":1}\n",
                  "{\"type\":\"taken\"}\n".repeat(50) + "{\"type\":\"refused\"}\n".repeat(50),
                  "{\"type\":\"nonsense\"}\n".repeat(50));
          for (String conversation : Stream.of(wrong, pointless).flatMap(List::stream).toList()) {
            try (Line line = line()) {
              line.says(HELLO).hears(app, "handed").says(conversation);
              if (wrong.contains(conversation)) {
                line.ends();
              }
            }
            awaitServing(app);
          }
          for (String hello :
              List.of(
                  "{\"goagain\":1,\"pid\":\"x\"}\n",
                  "{\"goagain\":1,\"pid\":-5}\n",
                  "{\"goagain\":1,\"pid\":{}}\n",
                  "{\"goagain\":1,\"generation\":[],\"pid\":99999999999999}\n")) {
            try (Line line = line()) {
              line.says(hello);
            }
            awaitServing(app);
          }
        });
  }

  @Test
  void descriptorsThatNobodyAnnounces() throws Exception {
    survives(
        app -> {
          FileDescriptor file = FileDescriptor.from("/dev/null");
          for (boolean greets : new boolean[] {false, true}) {
            try (Line line = line()) {
              if (greets) {
                line.says(HELLO).hears(app, "handed");
              }
              line.floods(file.intValue(), 5_000).ends();
            }
            awaitServing(app);
          }
          try (Line line = line()) {
            line.says(HELLO).hears(app, "handed");
            line.floods(file.intValue(), 1);
            line.says("{\"type\":\"listener\",\"descriptor\":true}\n").ends();
          }
          awaitServing(app);
          file.close();
        });
  }

  @Test
  void memoryDoesNotGrow() throws Exception {
    survives(
        app -> {
          long pid = app.process().pid();
          long before = residentMegabytes(pid);
          try (Line line = line()) {
            line.says(HELLO).hears(app, "handed").says("{\"descriptor\":true}\n");
            String message = "{\"x\":\"" + "x".repeat(100_000) + "\"}\n";
            for (int i = 0; i < 3_000 && line.messages.isActive(); i++) {
              line.says(message);
            }
            line.ends();
          }
          awaitServing(app);
          long grown = residentMegabytes(pid) - before;
          assertTrue(grown < 150, grown + " MB");
        });
  }

  private static long residentMegabytes(long pid) throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc", Long.toString(pid), "status"))) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("\\D", "")) / 1024;
      }
    }
    throw new AssertionError("no VmRSS of " + pid);
  }
}
