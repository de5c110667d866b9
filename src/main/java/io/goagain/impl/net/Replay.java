package io.goagain.impl.net;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;

/** First in the pipeline of a connection that was handed over: what its old owner had read. */
final class Replay extends ChannelInboundHandlerAdapter {

  private final byte[] unread;

  Replay(byte[] unread) {
    this.unread = unread;
  }

  @Override
  public void channelActive(ChannelHandlerContext ctx) {
    ctx.fireChannelActive();
    ctx.pipeline().remove(this);
    // Before the first read, which the head of the pipeline begins after this.
    ctx.fireChannelRead(Unpooled.wrappedBuffer(unread));
    ctx.fireChannelReadComplete();
  }
}
