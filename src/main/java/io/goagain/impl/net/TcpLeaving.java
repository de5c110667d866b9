package io.goagain.impl.net;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOutboundBuffer;

/**
 * What a TCP protocol needs to come to an end, its application knows: it has until the deadline. Or
 * the application lets the connection go with its state, and the successor goes on with it.
 */
final class TcpLeaving implements Leaving {

  private final TrackedConnection connection;
  private final Channel channel;
  private Hold hold;

  TcpLeaving(TrackedConnection connection) {
    this.connection = connection;
    this.channel = connection.channel();
  }

  @Override
  public void leave() {
    if (connection.release() != null
        && connection.canMove()
        && !ProtocolDetector.isSecured(channel.pipeline())) {
      hold = new Hold();
      channel.config().setAutoRead(false);
      channel.pipeline().addFirst(hold);
      whenAllIsSent(this::release);
    }
  }

  private void whenAllIsSent(Runnable next) {
    ChannelOutboundBuffer unsent = channel.unsafe().outboundBuffer();
    if (unsent == null || hold == null) {
      return;
    }
    if (unsent.totalPendingWriteBytes() == 0) {
      next.run();
    } else {
      channel
          .pipeline()
          .firstContext()
          .writeAndFlush(Unpooled.EMPTY_BUFFER)
          .addListener(sent -> channel.eventLoop().execute(() -> whenAllIsSent(next)));
    }
  }

  private void release() {
    if (!connection.reserveMove()) {
      stay();
      return;
    }
    byte[] state = connection.release().get();
    if (state == null) {
      connection.cancelMove();
      stay();
      return;
    }
    // What the application wrote while it let go.
    whenAllIsSent(() -> connection.move(new Luggage(hold.unread.bytes(), state)));
  }

  @Override
  public void stay() {
    if (hold != null) {
      Hold held = hold;
      hold = null;
      held.release();
      channel.config().setAutoRead(true);
    }
  }

  /** Keeps from the application what comes after it was asked to let go. */
  private static final class Hold extends ChannelInboundHandlerAdapter {
    private final Unread unread = new Unread();
    private ChannelHandlerContext context;

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
      context = ctx;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object msg) {
      unread.add((ByteBuf) msg);
    }

    void release() {
      context.pipeline().remove(this);
      byte[] bytes = unread.bytes();
      if (bytes.length > 0) {
        context.fireChannelRead(Unpooled.wrappedBuffer(bytes));
        context.fireChannelReadComplete();
      }
    }
  }
}
