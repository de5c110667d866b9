package io.goagain.impl.net;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.impl.posix.DescriptorMessagesTest;
import io.goagain.impl.posix.Descriptors;
import io.goagain.impl.posix.OpenDescriptors;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SortedMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@EnabledOnOs(OS.LINUX)
@Timeout(60)
class HandoverChannelTest {

  /** What a listener was told, and on which thread. */
  private static final class Told implements HandoverChannel.Listener {
    final BlockingQueue<String> events = new LinkedBlockingQueue<>();
    final BlockingQueue<Integer> descriptors = new LinkedBlockingQueue<>();
    volatile Thread thread;

    @Override
    public void received(JsonObject message, int descriptor) {
      tell(message.encode());
      descriptors.add(descriptor);
    }

    @Override
    public void closed() {
      tell("closed");
    }

    @Override
    public void broken(String reason) {
      tell("broken: " + reason);
    }

    private void tell(String event) {
      thread = Thread.currentThread();
      events.add(event);
    }

    String next() throws InterruptedException {
      String event = events.poll(20, TimeUnit.SECONDS);
      assertNotNull(event, "nothing was told");
      return event;
    }

    /** Waits until the thread has ended: after that nothing can be told any more. */
    void nothingComesAnyMore() throws InterruptedException {
      assertTrue(thread.getName().startsWith("goagain-handover-"), thread.getName());
      assertTrue(thread.isDaemon());
      thread.join(TimeUnit.SECONDS.toMillis(20));
      assertFalse(thread.isAlive(), "the thread of the channel still runs");
      assertNull(events.poll());
    }
  }

  private static EventLoopGroup loop;

  private final Told here = new Told();
  private int[] messages;
  private int[] descriptors;
  private HandoverChannel channel;

  @BeforeAll
  static void startLoop() {
    loop = new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
  }

  @AfterAll
  static void stopLoop() {
    loop.shutdownGracefully(0, 1, TimeUnit.SECONDS).syncUninterruptibly();
  }

  @BeforeEach
  void open() throws IOException {
    messages = Descriptors.socketPair();
    descriptors = Descriptors.socketPair();
    channel = HandoverChannel.open(messages[0], descriptors[0], c -> here);
  }

  @AfterEach
  void close() {
    channel.close();
  }

  @Test
  void messagesGoBothWaysInOrder() throws Exception {
    Told there = new Told();
    HandoverChannel other = HandoverChannel.open(messages[1], descriptors[1], c -> there);
    for (int i = 0; i < 500; i++) {
      channel.send(new JsonObject().put("to", i));
      other.send(new JsonObject().put("fro", i));
    }
    for (int i = 0; i < 500; i++) {
      assertEquals("{\"to\":" + i + "}", there.next());
      assertEquals("{\"fro\":" + i + "}", here.next());
      assertEquals(-1, here.descriptors.take());
    }
    other.close();
    assertEquals("closed", here.next());
    here.nothingComesAnyMore();
    there.nothingComesAnyMore();
  }

  /** A peer that is gone cannot be told anything, but may have said why it went. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void lastWordsAreReceivedAlsoIfSomethingWasSentAfterThem(boolean withDescriptor)
      throws Exception {
    Told there = new Told();
    HandoverChannel other = HandoverChannel.open(messages[1], descriptors[1], c -> there);
    CountDownLatch gone = new CountDownLatch(1);
    // Nothing is read while this runs, and before what it sends has failed.
    channel.send(
        new JsonObject().put("first", true),
        sent -> {
          assertDoesNotThrow(() -> assertTrue(gone.await(20, TimeUnit.SECONDS)));
          if (withDescriptor) {
            channel.send(new JsonObject().put("too", "late"), messages[0], () -> {});
          } else {
            channel.send(new JsonObject().put("too", "late"));
          }
        });
    assertEquals("{\"first\":true}", there.next());
    other.send(new JsonObject().put("last", "words"));
    other.close();
    there.nothingComesAnyMore();
    gone.countDown();
    assertEquals("{\"last\":\"words\"}", here.next());
    assertEquals("closed", here.next());
    here.nothingComesAnyMore();
  }

  @Test
  void whatWasSentBeforeTheCloseIsReceivedBeforeIt() throws Exception {
    Told there = new Told();
    HandoverChannel.open(messages[1], descriptors[1], c -> there);
    String large = "x".repeat(1 << 19);
    channel.send(new JsonObject().put("large", large));
    channel.send(new JsonObject().put("last", true));
    channel.close();
    assertEquals(new JsonObject().put("large", large).encode(), there.next());
    assertEquals("{\"last\":true}", there.next());
    assertEquals("closed", there.next());
    there.nothingComesAnyMore();
    assertNull(here.events.poll(), "whoever closes it is not told");
  }

  @Test
  void aDescriptorComesWithItsMessageAndMessagesKeepTheirOrder() throws Exception {
    Told there = new Told();
    HandoverChannel other = HandoverChannel.open(messages[1], descriptors[1], c -> there);
    int own = Descriptors.duplicate(1);
    CountDownLatch sent = new CountDownLatch(100);
    for (int i = 0; i < 100; i++) {
      channel.send(new JsonObject().put("before", i));
      channel.send(new JsonObject().put("i", i), own, sent::countDown);
    }
    for (int i = 0; i < 100; i++) {
      assertEquals("{\"before\":" + i + "}", there.next());
      assertEquals(-1, there.descriptors.take());
      assertEquals(i, new JsonObject(there.next()).getInteger("i"));
      int received = there.descriptors.take();
      assertNotEquals(own, received);
      assertEquals(link(own), link(received));
      Descriptors.close(received);
    }
    assertTrue(sent.await(20, TimeUnit.SECONDS));
    Descriptors.close(own);
    other.close();
    there.events.clear();
    assertEquals("closed", here.next());
  }

  @Test
  void aDescriptorThatWasSentBeforeTheCloseIsReceivedBeforeIt() throws Exception {
    for (int i = 0; i < 50; i++) {
      Told there = new Told();
      int[] lines = Descriptors.socketPair();
      int[] numbers = Descriptors.socketPair();
      HandoverChannel sender = HandoverChannel.open(lines[0], numbers[0], c -> new Told());
      HandoverChannel receiver = HandoverChannel.open(lines[1], numbers[1], c -> there);
      sender.send(new JsonObject().put("i", i), 1, () -> {});
      sender.close();
      String first = there.next();
      assertNotEquals("closed", first, "the descriptor was lost in round " + i);
      assertEquals(i, new JsonObject(first).getInteger("i"));
      Descriptors.close(there.descriptors.take());
      assertEquals("closed", there.next());
      receiver.close();
    }
  }

  @Test
  void whoeverSendsLearnsWhetherTheKernelHasIt() throws Exception {
    Told there = new Told();
    HandoverChannel other = HandoverChannel.open(messages[1], descriptors[1], c -> there);
    BlockingQueue<Boolean> sent = new LinkedBlockingQueue<>();
    channel.send(new JsonObject().put("a", 1), sent::add);
    assertEquals(true, sent.poll(20, TimeUnit.SECONDS));
    assertEquals("{\"a\":1}", there.next());
    other.close();
    assertEquals("closed", here.next());
    here.nothingComesAnyMore();
    channel.send(new JsonObject().put("b", 2), sent::add);
    assertEquals(false, sent.poll(5, TimeUnit.SECONDS));
  }

  /** As a successor that dies while it boots: it has not read the hello. */
  @Test
  void aPeerThatDiesWithoutHavingReadEverythingIsGoneAndNotBroken() throws Exception {
    BlockingQueue<Boolean> sent = new LinkedBlockingQueue<>();
    channel.send(new JsonObject().put("a", 1), sent::add);
    assertEquals(true, sent.poll(20, TimeUnit.SECONDS));
    Descriptors.close(messages[1]);
    Descriptors.close(descriptors[1]);
    assertEquals("closed", here.next());
    here.nothingComesAnyMore();
  }

  @Test
  void linesMayComeInPiecesOrTogether() throws Exception {
    Channel raw = raw();
    write(raw, "{\"a\":");
    write(raw, "1}");
    write(raw, "\n{\"b\":2}\n{\"c\":3}\r\n{\"d\":\"\u00fc");
    write(raw, "\"}\n");
    assertEquals("{\"a\":1}", here.next());
    assertEquals("{\"b\":2}", here.next());
    assertEquals("{\"c\":3}", here.next());
    assertEquals("{\"d\":\"\u00fc\"}", here.next());
    closeRaw(raw);
    assertEquals("closed", here.next());
    here.nothingComesAnyMore();
  }

  @Test
  void aCharacterMayBeSplit() throws Exception {
    Channel raw = raw();
    raw.writeAndFlush(Unpooled.wrappedBuffer(new byte[] {'{', '"', (byte) 0xc3})).sync();
    raw.writeAndFlush(Unpooled.wrappedBuffer(new byte[] {(byte) 0xbc, '"', ':', '1', '}', '\n'}))
        .sync();
    assertEquals("{\"\u00fc\":1}", here.next());
    closeRaw(raw);
  }

  @ParameterizedTest
  @ValueSource(strings = {"nonsense", "", "{", "[1]", "null", "17", "\"text\"", "{} {}"})
  void whatIsNoMessageBreaksTheChannelOnce(String line) throws Exception {
    Channel raw = raw();
    write(raw, "{\"good\":1}\n" + line + "\n" + line + "\n{\"late\":1}\n");
    assertEquals("{\"good\":1}", here.next());
    String told = here.next();
    assertTrue(told.startsWith("broken: "), told);
    assertTrue(told.contains(line), told);
    here.nothingComesAnyMore();
    // And the other side learns of it.
    assertTrue(raw.closeFuture().await(20, TimeUnit.SECONDS));
    closeRaw(raw);
  }

  @Test
  void aLongStrangeLineIsAbbreviated() throws Exception {
    Channel raw = raw();
    write(raw, "x".repeat(10_000) + "\n");
    String told = here.next();
    assertTrue(told.startsWith("broken: ") && told.length() < 200, told);
    here.nothingComesAnyMore();
    closeRaw(raw);
  }

  @Test
  void aLineAboveTheLimitBreaksTheChannelOnce() throws Exception {
    Channel raw = raw();
    // The channel closes in the middle of it, or at its end: the write may fail.
    raw.writeAndFlush(Unpooled.wrappedBuffer(new byte[(1 << 24) + 1]));
    raw.writeAndFlush(Unpooled.copiedBuffer("\n{\"late\":1}\n", StandardCharsets.UTF_8));
    String told = here.next();
    assertTrue(told.startsWith("broken: "), told);
    here.nothingComesAnyMore();
    closeRaw(raw);
  }

  @Test
  void theEndOfThePeerIsToldOnce() throws Exception {
    Descriptors.close(messages[1]);
    Descriptors.close(descriptors[1]);
    assertEquals("closed", here.next());
    here.nothingComesAnyMore();
  }

  @Test
  void anUnfinishedLineIsNoMessage() throws Exception {
    Channel raw = raw();
    write(raw, "{\"a\":1}\n{\"b\":");
    closeRaw(raw);
    assertEquals("{\"a\":1}", here.next());
    assertEquals("closed", here.next());
    here.nothingComesAnyMore();
  }

  @Test
  void aListenerThatFailsBreaksTheChannelOnce() throws Exception {
    Told told = new Told();
    int[] lines = Descriptors.socketPair();
    int[] numbers = Descriptors.socketPair();
    HandoverChannel failing =
        HandoverChannel.open(
            lines[0],
            numbers[0],
            c ->
                new HandoverChannel.Listener() {
                  @Override
                  public void received(JsonObject message, int descriptor) {
                    throw new ClassCastException("no such field");
                  }

                  @Override
                  public void closed() {
                    told.closed();
                  }

                  @Override
                  public void broken(String reason) {
                    told.broken(reason);
                  }
                });
    Channel raw = new EpollDomainSocketChannel(lines[1]);
    loop.register(raw).sync();
    write(raw, "{}\n{}\n");
    assertTrue(told.next().contains("no such field"));
    told.nothingComesAnyMore();
    failing.close();
    raw.close().sync();
    Descriptors.close(numbers[1]);
  }

  @Test
  void closingAndSendingAfterThePeerIsGoneDoNothing() throws Exception {
    Descriptors.close(messages[1]);
    Descriptors.close(descriptors[1]);
    assertEquals("closed", here.next());
    here.nothingComesAnyMore();
    assertDoesNotThrow(() -> channel.send(new JsonObject()));
    CountDownLatch sent = new CountDownLatch(1);
    channel.send(new JsonObject(), 1, sent::countDown);
    assertTrue(sent.await(20, TimeUnit.SECONDS), "the descriptor would never be closed");
    assertDoesNotThrow(() -> channel.send(new JsonObject(), done -> {}));
    assertDoesNotThrow(channel::close);
    assertDoesNotThrow(channel::close);
  }

  @Test
  void itsDescriptorsAreClosedWithIt() throws Exception {
    String line = link(messages[0]);
    String numbers = link(descriptors[0]);
    Told there = new Told();
    HandoverChannel.open(messages[1], descriptors[1], c -> there);
    channel.send(new JsonObject());
    channel.close();
    assertEquals("{}", there.next());
    assertEquals("closed", there.next());
    there.nothingComesAnyMore();
    for (int fd : Descriptors.open()) {
      String open = link(fd);
      assertFalse(line.equals(open) || numbers.equals(open), () -> fd + " is still open");
    }
  }

  /** The other end, to write what no channel would. */
  private Channel raw() throws InterruptedException {
    EpollDomainSocketChannel raw = new EpollDomainSocketChannel(messages[1]);
    raw.pipeline().addLast(new ChannelInboundHandlerAdapter());
    loop.register(raw).sync();
    return raw;
  }

  private void closeRaw(Channel raw) throws Exception {
    raw.close().sync();
    Descriptors.close(descriptors[1]);
  }

  private static void write(Channel raw, String text) throws InterruptedException {
    raw.writeAndFlush(Unpooled.copiedBuffer(text, StandardCharsets.UTF_8)).sync();
  }

  private static String link(int fd) throws IOException {
    Path link = Path.of("/proc/self/fd/" + fd);
    return Files.isSymbolicLink(link) ? Files.readSymbolicLink(link).toString() : "closed";
  }

  /** Descriptors that nobody can tell apart are closed, and so is the channel. */
  @Test
  void twoDescriptorsInOneMessageAreNobodys() throws Exception {
    SortedMap<Integer, String> before = OpenDescriptors.now();
    int[] messages = Descriptors.socketPair();
    int[] descriptors = Descriptors.socketPair();
    Told told = new Told();
    HandoverChannel.open(messages[0], descriptors[0], channel -> told);
    DescriptorMessagesTest.sendTogether(descriptors[1], List.of(messages[1], messages[1]));
    assertEquals("broken: it sent a message with 2 descriptors, in place of one", told.next());
    told.nothingComesAnyMore();
    Descriptors.close(messages[1]);
    Descriptors.close(descriptors[1]);
    assertEquals(before, OpenDescriptors.now());
  }
}
