package io.goagain.impl.net;

import static java.lang.System.Logger.Level.WARNING;

import io.goagain.impl.posix.Descriptors;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.ChannelOutputShutdownException;
import io.netty.channel.unix.DomainSocketReadMode;
import io.netty.channel.unix.Errors;
import io.netty.channel.unix.FileDescriptor;
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

  private static final String WITH_DESCRIPTOR = "descriptor";

  private final EpollDomainSocketChannel messages;
  private final EpollDomainSocketChannel descriptors;
  private final Pairing pairing;
  private boolean flushScheduled;

  private HandoverChannel(
      EpollDomainSocketChannel messages, EpollDomainSocketChannel descriptors, Pairing pairing) {
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
    EpollDomainSocketChannel descriptors = new EpollDomainSocketChannel(descriptorsDescriptor);
    Pairing pairing = new Pairing();
    HandoverChannel channel = new HandoverChannel(messages, descriptors, pairing);
    pairing.listener = listener.apply(channel);
    try {
      EventLoopGroup loop =
          new MultiThreadIoEventLoopGroup(
              1, new DefaultThreadFactory("goagain-handover", true), EpollIoHandler.newFactory());
      pairing.onEnd(
          () -> {
            messages.close();
            descriptors.close();
            loop.shutdownGracefully(0, 1, TimeUnit.SECONDS);
          });
      // A peer that is gone may have left last words: neither that it cannot be written to, nor
      // that
      // one of the sockets is at its end, closes anything before all of them have been told.
      messages.config().setAutoClose(false).setAllowHalfClosure(true);
      descriptors.config().setAutoClose(false).setAllowHalfClosure(true);
      descriptors.config().setReadMode(DomainSocketReadMode.FILE_DESCRIPTORS);
      descriptors.pipeline().addLast(new DescriptorReader(pairing));
      messages
          .pipeline()
          .addLast(
              new LineBasedFrameDecoder(MAX_LINE, true, true),
              new StringDecoder(StandardCharsets.UTF_8),
              new MessageReader(pairing));
      loop.register(descriptors).syncUninterruptibly();
      loop.register(messages).syncUninterruptibly();
      return channel;
    } catch (RuntimeException e) {
      messages.unsafe().closeForcibly();
      descriptors.unsafe().closeForcibly();
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
              descriptors
                  .write(new FileDescriptor(descriptor))
                  .addListener(
                      done -> {
                        sent.run();
                        if (!done.isSuccess() && !isGone(done.cause())) {
                          pairing.broken("a descriptor could not be sent: " + done.cause());
                        }
                      });
              flushLater();
            });
    if (!alive) {
      sent.run();
    }
  }

  /** Whether the peer is, or this side of the line: its end is told when all is read. */
  private static boolean isGone(Throwable cause) {
    return cause instanceof ClosedChannelException
        || cause instanceof ChannelOutputShutdownException
        || (cause instanceof Errors.NativeIoException failure
            && (failure.expectedErr() == Errors.ERRNO_EPIPE_NEGATIVE
                || failure.expectedErr() == Errors.ERRNO_ECONNRESET_NEGATIVE));
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
                descriptors.flush();
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
        () -> {
          descriptors.flush();
          messages.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(flushed -> pairing.end());
        });
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
  private static final class Pairing {
    private Listener listener;
    private final Queue<JsonObject> received = new ArrayDeque<>();
    private final Queue<Integer> unclaimed = new ArrayDeque<>();
    private volatile boolean over;
    private boolean messagesEnded;
    private boolean descriptorsEnded;
    private Runnable closeAll = () -> {};

    void message(JsonObject message) {
      received.add(message);
      deliver();
    }

    void descriptor(int number) {
      unclaimed.add(number);
      deliver();
    }

    private void deliver() {
      while (!over && !received.isEmpty()) {
        boolean pair = received.peek().getValue(WITH_DESCRIPTOR) == Boolean.TRUE;
        if (pair && unclaimed.isEmpty()) {
          return;
        }
        listener.received(received.remove(), pair ? unclaimed.remove() : -1);
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

    void descriptorsEnded() {
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

    void broken(String reason) {
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
      discard();
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
        pairing.message(new JsonObject((String) line));
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

  private static final class DescriptorReader extends ChannelInboundHandlerAdapter {
    private final Pairing pairing;

    DescriptorReader(Pairing pairing) {
      this.pairing = pairing;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object received) {
      pairing.descriptor(((FileDescriptor) received).intValue());
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
      if (event instanceof ChannelInputShutdownEvent) {
        pairing.descriptorsEnded();
      }
    }

    /** Netty does not shut a socket down that it reads descriptors from: it closes it. */
    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
      pairing.descriptorsEnded();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      LOG.log(WARNING, "descriptors could not be received", cause);
      pairing.descriptorsEnded();
    }
  }
}
