package io.goagain.impl;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.goagain.impl.posix.OpenDescriptors;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.unix.FileDescriptor;
import io.netty.util.ReferenceCountUtil;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.regex.Pattern;

/**
 * Many inputs, each made by its seed, with an eye on what must not come of them: errors in the log,
 * threads, and descriptors. {@code -Dgoagain.seed=N -Dgoagain.inputs=1} does one again.
 */
final class Fuzzing implements AutoCloseable {
  private static final int INPUTS =
      Integer.getInteger("goagain.inputs", Boolean.getBoolean("goagain.long") ? 100_000 : 2_000);
  private static final int BATCH = 100;
  private static final long PATIENCE = TimeUnit.SECONDS.toNanos(20);

  /** Of a channel, which its end is to end, too. */
  private static final Pattern SHORT_LIVED = Pattern.compile("goagain-(handover|takeover|exit).*");

  interface Input {
    void run(Mutator mutator) throws Exception;
  }

  private final long firstSeed = Long.getLong("goagain.seed", System.nanoTime());
  private final Queue<String> errors = new ConcurrentLinkedQueue<>();
  private final Pattern allowed;
  private final EventLoopGroup loop =
      new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
  private final Logger root = Logger.getLogger("");
  private final Handler[] usual = root.getHandlers();
  private final Thread.UncaughtExceptionHandler usualUncaught =
      Thread.getDefaultUncaughtExceptionHandler();
  private final Handler handler =
      new Handler() {
        @Override
        public void publish(LogRecord logged) {
          note(logged);
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
      };

  /**
   * Begins to listen to the log.
   *
   * @param allowed errors that are no bugs
   */
  Fuzzing(String allowed) {
    this.allowed = Pattern.compile(allowed);
    for (Handler other : usual) {
      root.removeHandler(other);
    }
    root.addHandler(handler);
    Thread.setDefaultUncaughtExceptionHandler((thread, e) -> error(thread.getName(), e));
  }

  private void note(LogRecord logged) {
    String text = String.valueOf(logged.getMessage());
    boolean error = logged.getLevel().intValue() >= Level.SEVERE.intValue();
    // Nobody means to log a stack trace where the peer is at fault.
    boolean trace =
        logged.getLevel().intValue() >= Level.WARNING.intValue() && logged.getThrown() != null;
    if ((error || trace) && !allowed.matcher(text).find()) {
      error(logged.getLoggerName() + ": " + text, logged.getThrown());
    }
  }

  void error(String what, Throwable thrown) {
    StringBuilder text = new StringBuilder(what);
    for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
      text.append("\n  ").append(cause);
      for (StackTraceElement frame : cause.getStackTrace()) {
        text.append("\n    ").append(frame);
      }
    }
    errors.add(text.toString());
  }

  /** What is open after the first of them is what is opened once. */
  void run(Input input) throws Exception {
    run(INPUTS, input);
  }

  /** The same for inputs that take their time: a quarter of them. */
  void runSome(Input input) throws Exception {
    run(Math.max(1, INPUTS / 4), input);
  }

  private void run(int inputs, Input input) throws Exception {
    int descriptors = -1;
    for (int done = 1; done <= inputs; done++) {
      long seed = firstSeed + done - 1;
      one(input, seed);
      if (done % BATCH == 0 || done == inputs) {
        awaitThreads(seed);
        if (descriptors >= 0) {
          awaitDescriptors(descriptors, seed);
        } else {
          descriptors = OpenDescriptors.now().size();
        }
      }
    }
  }

  private void one(Input input, long seed) throws Exception {
    try {
      input.run(new Mutator(seed));
    } catch (Exception | AssertionError e) {
      throw new AssertionError("seed " + seed + " " + errors, e);
    }
    if (!errors.isEmpty()) {
      throw new AssertionError("seed " + seed + " or shortly before: " + errors);
    }
  }

  private static void awaitThreads(long seed) {
    await(
        "the threads up to seed " + seed + " have ended",
        () ->
            Thread.getAllStackTraces().keySet().stream()
                .noneMatch(thread -> SHORT_LIVED.matcher(thread.getName()).matches()));
  }

  private static void awaitDescriptors(int expected, long seed) throws IOException {
    int[] now = {0};
    try {
      await(
          "descriptors",
          () -> {
            now[0] = OpenDescriptors.now().size();
            return now[0] <= expected;
          });
    } catch (AssertionError e) {
      String message = "%d descriptors, and not %d, in the %d inputs up to seed %d";
      throw new AssertionError(message.formatted(now[0], expected, BATCH, seed), e);
    }
  }

  interface Condition {
    boolean holds() throws IOException;
  }

  /** Waits for what nobody tells. */
  static void await(String what, Condition condition) {
    long deadline = System.nanoTime() + PATIENCE;
    try {
      while (!condition.holds()) {
        if (System.nanoTime() - deadline > 0) {
          throw new AssertionError("waited until " + what);
        }
        LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(200));
      }
    } catch (IOException e) {
      throw new AssertionError("while waiting until " + what, e);
    }
  }

  /** The other end of a handover channel, which says and sends anything. */
  final class Peer implements AutoCloseable {
    private final Channel messages;
    private final Channel descriptors;
    private final StringBuffer heard = new StringBuffer();

    Peer(int messages, int descriptors) throws InterruptedException {
      this.messages = register(messages);
      this.descriptors = register(descriptors);
    }

    private Channel register(int descriptor) throws InterruptedException {
      EpollDomainSocketChannel channel = new EpollDomainSocketChannel(descriptor);
      channel
          .pipeline()
          .addLast(
              new ChannelInboundHandlerAdapter() {
                @Override
                public void channelRead(ChannelHandlerContext ctx, Object bytes) {
                  heard.append(((ByteBuf) bytes).toString(ISO_8859_1));
                  ReferenceCountUtil.release(bytes);
                }

                @Override
                public void exceptionCaught(ChannelHandlerContext ctx, Throwable reset) {
                  ctx.close();
                }
              });
      loop.register(channel).sync();
      return channel;
    }

    void say(String text) throws InterruptedException {
      messages.writeAndFlush(Unpooled.copiedBuffer(text, ISO_8859_1)).await();
    }

    /** Waits until the other end has said so, or is closed. */
    void hear(String text) {
      await("it says " + text, () -> heard.indexOf(text) >= 0 || !messages.isActive());
    }

    void send(int descriptor) throws InterruptedException {
      descriptors.writeAndFlush(new FileDescriptor(descriptor)).await();
    }

    /** Says no more, and waits until the other end is closed. */
    @Override
    public void close() throws InterruptedException {
      List<Channel> both = new ArrayList<>(List.of(messages, descriptors));
      for (Channel channel : both) {
        ((EpollDomainSocketChannel) channel).shutdownOutput().await();
      }
      for (Channel channel : both) {
        if (!channel.closeFuture().await(20, TimeUnit.SECONDS)) {
          throw new AssertionError("the other end is still open");
        }
      }
    }
  }

  @Override
  public void close() {
    root.removeHandler(handler);
    for (Handler other : usual) {
      root.addHandler(other);
    }
    Thread.setDefaultUncaughtExceptionHandler(usualUncaught);
    loop.shutdownGracefully(0, 1, TimeUnit.SECONDS).syncUninterruptibly();
  }
}
