package io.goagain.impl.net;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.handler.codec.LineBasedFrameDecoder;
import io.netty.handler.codec.string.StringDecoder;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;

/**
 * The private line between a predecessor and its successor: a Unix stream socket with one JSON
 * object a line. Its end is the sign that the peer is gone. Symmetric: neither side is the server.
 *
 * <p>It has a thread of its own, so that it lives independently of any Vert.x instance.
 */
public final class HandoverChannel {

  /** What the owner of a channel is told, on the channel's thread. */
  public interface Listener {
    void received(JsonObject message);

    /** The peer closed it or died. Nothing comes after it. */
    void closed();

    /** The peer sent something that is no message, or the kernel failed. Nothing comes after it. */
    void broken(String reason);
  }

  private static final int MAX_LINE = 1 << 20;

  private final EpollDomainSocketChannel channel;
  private final Reader reader;

  private HandoverChannel(EpollDomainSocketChannel channel, Reader reader) {
    this.channel = channel;
    this.reader = reader;
  }

  /** Takes the descriptor over: it is closed with the channel, and also if this fails. */
  public static HandoverChannel open(int descriptor, Listener listener) {
    EpollDomainSocketChannel channel = new EpollDomainSocketChannel(descriptor);
    Reader reader = new Reader(listener);
    try {
      EventLoopGroup loop =
          new MultiThreadIoEventLoopGroup(
              1, new DefaultThreadFactory("goagain-handover", true), EpollIoHandler.newFactory());
      channel.closeFuture().addListener(closed -> loop.shutdownGracefully(0, 1, TimeUnit.SECONDS));
      channel
          .pipeline()
          .addLast(
              new LineBasedFrameDecoder(MAX_LINE),
              new StringDecoder(StandardCharsets.UTF_8),
              reader);
      loop.register(channel).syncUninterruptibly();
      return new HandoverChannel(channel, reader);
    } catch (RuntimeException e) {
      channel.unsafe().closeForcibly();
      throw e;
    }
  }

  /** Any thread. What is sent to a peer that is gone is lost; the listener learns of that. */
  public void send(JsonObject message) {
    channel.writeAndFlush(Unpooled.copiedBuffer(message.encode() + "\n", StandardCharsets.UTF_8));
  }

  /** After what was sent before. Any thread. The listener is not told. */
  public void close() {
    reader.silence();
    try {
      channel
          .eventLoop()
          .execute(
              () ->
                  channel
                      .writeAndFlush(Unpooled.EMPTY_BUFFER)
                      .addListener(flushed -> channel.close()));
    } catch (RejectedExecutionException e) {
      // The peer closed it before, and the thread has ended.
    }
  }

  private static final class Reader extends ChannelInboundHandlerAdapter {
    private final Listener listener;
    private volatile boolean over;

    Reader(Listener listener) {
      this.listener = listener;
    }

    void silence() {
      over = true;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object line) {
      if (over) {
        return;
      }
      JsonObject message;
      try {
        message = new JsonObject((String) line);
      } catch (DecodeException e) {
        broken(ctx, "it sent something that is no message: " + abbreviated((String) line));
        return;
      }
      listener.received(message);
    }

    private static String abbreviated(String line) {
      return line.length() <= 80 ? line : line.substring(0, 80) + "...";
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
      if (!over) {
        over = true;
        listener.closed();
      }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      broken(ctx, "the handover channel failed: " + cause);
    }

    private void broken(ChannelHandlerContext ctx, String reason) {
      if (!over) {
        over = true;
        listener.broken(reason);
      }
      ctx.close();
    }
  }
}
