package io.goagain.impl.net;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;

import io.goagain.impl.posix.Descriptors;
import io.goagain.impl.posix.Errno;
import io.goagain.impl.posix.PosixException;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoEventLoopGroup;
import io.netty.channel.IoRegistration;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.LineBasedFrameDecoder;
import io.netty.handler.codec.string.StringDecoder;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * The private line between a predecessor and its successor: two Unix stream sockets, one with a
 * JSON object a line, one with descriptors. A message that says {@code "descriptor": true} goes
 * with the next descriptor; the order of messages is kept. Its end is the sign that the peer is
 * gone. Symmetric: neither side is the server.
 *
 * <p>It has a thread of its own, so that it lives independently of any Vert.x instance.
 */
public final class HandoverChannel {

  /** What the owner of a channel is told, on the channel's thread. */
  public interface Listener {
    /**
     * A message came.
     *
     * <p>If this throws, the peer is given up, and the descriptor is closed.
     *
     * @param descriptor what came with it, for the receiver to own, or -1
     */
    void received(JsonObject message, int descriptor);

    /** The peer closed it or died. Nothing comes after it. */
    void closed();

    /** The peer sent something that is no message, or the kernel failed. Nothing comes after it. */
    void broken(String reason);
  }

  private static final System.Logger LOG = System.getLogger(HandoverChannel.class.getName());

  /** A message carries what was read of a connection's next request; reads are far smaller. */
  private static final int MAX_LINE = 1 << 24;

  /** Descriptors are read ahead of their messages, by no more than a sender has under way. */
  private static final int MAX_UNCLAIMED = 300;

  /** So many messages, and so long, may wait behind one whose descriptor is not there yet. */
  private static final int MAX_WAITING = 1_000;

  private static final long MAX_WAITING_CHARS = 1 << 25;

  private static final String WITH_DESCRIPTOR = "descriptor";

  private final EpollDomainSocketChannel messages;
  private final DescriptorSocket descriptors;
  private final Pairing pairing;
  private boolean flushScheduled;

  private HandoverChannel(
      EpollDomainSocketChannel messages, DescriptorSocket descriptors, Pairing pairing) {
    this.messages = messages;
    this.descriptors = descriptors;
    this.pairing = pairing;
  }

  /**
   * Takes both descriptors over: they are closed with the channel, and also if this fails.
   *
   * @param listener makes what is told, knowing the channel, before anything can have come
   */
  public static HandoverChannel open(
      int messagesDescriptor,
      int descriptorsDescriptor,
      Function<HandoverChannel, Listener> listener) {
    EpollDomainSocketChannel messages = new EpollDomainSocketChannel(messagesDescriptor);
    Pairing pairing = new Pairing();
    DescriptorSocket descriptors = new DescriptorSocket(descriptorsDescriptor, pairing);
    HandoverChannel channel = new HandoverChannel(messages, descriptors, pairing);
    pairing.listener = listener.apply(channel);
    try {
      IoEventLoopGroup loop =
          new MultiThreadIoEventLoopGroup(
              1, new DefaultThreadFactory("goagain-handover", true), EpollIoHandler.newFactory());
      pairing.onEnd(
          () ->
              // Not while Netty reads: it would go on with the number of a closed descriptor, which
              // may be somebody else's by then.
              loop.execute(
                  () -> {
                    messages.close();
                    descriptors.close();
                    loop.shutdownGracefully(0, 1, TimeUnit.SECONDS);
                  }));
      // A peer that is gone may have left last words. Neither that it cannot be written to nor that
      // one of the sockets is at its end closes anything before all of them have been told.
      messages.config().setAutoClose(false).setAllowHalfClosure(true);
      // The first buffer of Netty's own choice loads the JDK's Flight Recorder.
      messages.config().setAllocator(UnpooledByteBufAllocator.DEFAULT);
      messages
          .pipeline()
          .addLast(
              new LineBasedFrameDecoder(MAX_LINE, true, true),
              new StringDecoder(StandardCharsets.UTF_8),
              new MessageReader(pairing));
      IoRegistration registration = loop.register(descriptors).syncUninterruptibly().getNow();
      ((EventLoopGroup) loop).register(messages).syncUninterruptibly();
      loop.execute(() -> descriptors.registered(registration));
      return channel;
    } catch (RejectedExecutionException e) {
      // The peer has already ended it, and that was told.
      messages.unsafe().closeForcibly();
      return channel;
    } catch (RuntimeException e) {
      messages.unsafe().closeForcibly();
      descriptors.close();
      throw e;
    }
  }

  /** Any thread. What is sent to a peer that is gone is lost; the listener learns of that. */
  public void send(JsonObject message) {
    messages.writeAndFlush(encoded(message));
  }

  /**
   * Sends a message with a descriptor, which stays the caller's. Any thread.
   *
   * @param sent run when the kernel has a copy of its own of the descriptor, or never will
   */
  public void send(JsonObject message, int descriptor, Runnable sent) {
    boolean alive =
        onThread(
            () -> {
              messages.write(encoded(message.put(WITH_DESCRIPTOR, true)));
              descriptors.send(
                  descriptor,
                  failure -> {
                    sent.run();
                    if (failure != null && !isGone(failure)) {
                      pairing.broken("a descriptor could not be sent: " + failure.getMessage());
                    }
                  });
              flushLater();
            });
    if (!alive) {
      sent.run();
    }
  }

  /** Whether the peer is, or this side of the line: its end is told when all is read. */
  private static boolean isGone(IOException cause) {
    return cause instanceof ClosedChannelException
        || (cause instanceof PosixException failure
            && (failure.errno() == Errno.EPIPE || failure.errno() == Errno.ECONNRESET));
  }

  /** Sends a message and tells whether the kernel has it. Any thread. */
  public void send(JsonObject message, Consumer<Boolean> sent) {
    boolean alive =
        onThread(
            () -> {
              messages.write(encoded(message)).addListener(done -> sent.accept(done.isSuccess()));
              flushLater();
            });
    if (!alive) {
      sent.accept(false);
    }
  }

  /** Once for all that is written in one go: thousands of connections may move. */
  private void flushLater() {
    if (!flushScheduled) {
      flushScheduled = true;
      messages
          .eventLoop()
          .execute(
              () -> {
                flushScheduled = false;
                messages.flush();
              });
    }
  }

  private static Object encoded(JsonObject message) {
    return Unpooled.copiedBuffer(message.encode() + "\n", StandardCharsets.UTF_8);
  }

  /** After what was sent before. Any thread. The listener is not told. */
  public void close() {
    pairing.over = true;
    onThread(
        () -> messages.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(flushed -> pairing.end()));
  }

  /** Tells another listener from now on, also if the line has ended meanwhile. Any thread. */
  public void listen(Listener next) {
    boolean alive =
        onThread(
            () -> {
              if (pairing.over) {
                next.closed();
              } else {
                pairing.listener = next;
              }
            });
    if (!alive) {
      next.closed();
    }
  }

  /** The numbers of its two sockets, messages first; they stay this object's. */
  public List<Integer> sockets() {
    return List.of(messages.fd().intValue(), descriptors.fd().intValue());
  }

  /** Whether the thread is there: it ends with the channel. */
  private boolean onThread(Runnable action) {
    try {
      messages.eventLoop().execute(action);
      return true;
    } catch (RejectedExecutionException e) {
      return false;
    }
  }

  /** Puts messages and descriptors together. On the channel's thread. */
  private static final class Pairing implements DescriptorSocket.Listener {
    private Listener listener;
    private final Queue<JsonObject> received = new ArrayDeque<>();
    private final Queue<Integer> unclaimed = new ArrayDeque<>();
    private volatile boolean over;
    private long waitingChars;
    private boolean closed;
    private boolean messagesEnded;
    private boolean descriptorsEnded;
    private Runnable closeAll = () -> {};

    void message(JsonObject message, int length) {
      received.add(message);
      waitingChars += length;
      deliver();
      if (received.isEmpty()) {
        waitingChars = 0;
      } else if (received.size() > MAX_WAITING || waitingChars > MAX_WAITING_CHARS) {
        broken("it sent " + received.size() + " messages that wait for a descriptor");
      }
    }

    @Override
    public void received(int number) {
      unclaimed.add(number);
      if (closed) {
        discard(); // read in the same turn of the loop as what ended it
        return;
      }
      deliver();
      if (unclaimed.size() > MAX_UNCLAIMED) {
        broken("it sent " + unclaimed.size() + " descriptors that no message announces");
      }
    }

    private void deliver() {
      while (!over && !received.isEmpty()) {
        boolean pair = received.peek().getValue(WITH_DESCRIPTOR) == Boolean.TRUE;
        if (pair && unclaimed.isEmpty()) {
          return;
        }
        JsonObject message = received.remove();
        int descriptor = pair ? unclaimed.remove() : -1;
        try {
          listener.received(message, descriptor);
        } catch (RuntimeException e) {
          LOG.log(DEBUG, "a message was not understood", e);
          if (descriptor >= 0) {
            unclaimed.add(descriptor);
          }
          broken("it sent a message with fields of the wrong type: " + e);
        }
      }
      if (messagesEnded && received.isEmpty()) {
        closed();
      }
    }

    /** Messages that wait for their descriptors may still become complete. */
    void messagesEnded() {
      messagesEnded = true;
      if (received.isEmpty() || descriptorsEnded) {
        closed();
      }
    }

    @Override
    public void ended() {
      descriptorsEnded = true;
      if (messagesEnded) {
        closed();
      }
    }

    private void closed() {
      if (!over) {
        over = true;
        listener.closed();
      }
      end();
    }

    @Override
    public void broken(String reason) {
      if (!over) {
        over = true;
        listener.broken(reason);
      }
      end();
    }

    void onEnd(Runnable closing) {
      closeAll = closing;
    }

    /** Nothing is sent or received any more. */
    void end() {
      over = true;
      if (closed) {
        return;
      }
      closed = true;
      discard();
      received.clear();
      closeAll.run();
    }

    private void discard() {
      for (int number : unclaimed) {
        try {
          Descriptors.close(number);
        } catch (IOException e) {
          LOG.log(WARNING, "could not close a received descriptor", e);
        }
      }
      unclaimed.clear();
    }
  }

  private static final class MessageReader extends ChannelInboundHandlerAdapter {
    private final Pairing pairing;

    MessageReader(Pairing pairing) {
      this.pairing = pairing;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object line) {
      try {
        pairing.message(new JsonObject((String) line), ((String) line).length());
      } catch (DecodeException e) {
        pairing.broken("it sent something that is no message: " + abbreviated((String) line));
      }
    }

    private static String abbreviated(String line) {
      return line.length() <= 80 ? line : line.substring(0, 80) + "...";
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
      if (event instanceof ChannelInputShutdownEvent) {
        pairing.messagesEnded();
      }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      // ECONNRESET: the peer died before it had read everything. The end of input follows.
      if (!(cause instanceof IOException)) {
        pairing.broken("it sent something that is no message: " + cause.getMessage());
      }
    }
  }
}
