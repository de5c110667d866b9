package io.goagain.impl.net;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.handler.codec.http.HttpRequestDecoder;
import java.util.ArrayDeque;
import java.util.Queue;

/**
 * Stands in front of the decoder of one HTTP/1.1 connection and knows, together with the {@link
 * HttpTracker} behind it, whether the decoder holds a part of a request. When told to, it stops the
 * connection after the request that is being read: the bytes behind that one stay untouched.
 */
final class BoundaryTap extends ChannelDuplexHandler {

  /** As {@link ByteBuf#getInt} sees it. */
  private static final int CRLF_CRLF = 0x0d0a0d0a;

  private final HttpRequestDecoder decoder;
  private final Queue<ByteBuf> held = new ArrayDeque<>();

  /** The decoder's own buffer while it is watched; retained, as the decoder may release it. */
  private ByteBuf cumulation;

  private boolean watching;

  /** No byte has come since the end of the last request. */
  private boolean clean;

  /** The beginning of a request has been passed on, and not its end. */
  private boolean midway;

  private boolean stopping;
  private boolean holding;
  private int messages;

  /**
   * In front of this decoder.
   *
   * @param clean whether the decoder has seen nothing yet
   */
  BoundaryTap(HttpRequestDecoder decoder, boolean clean) {
    this.decoder = decoder;
    this.clean = clean;
    decoder.setCumulator(
        (allocator, before, in) -> {
          ByteBuf merged = ByteToMessageDecoder.MERGE_CUMULATOR.cumulate(allocator, before, in);
          if (watching) {
            releaseCumulation();
            cumulation = merged.retain();
          }
          return merged;
        });
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object msg) {
    if (!(msg instanceof ByteBuf bytes)) {
      ctx.fireChannelRead(msg);
    } else if (holding) {
      held.add(bytes);
    } else {
      decode(ctx, bytes);
    }
  }

  private void decode(ChannelHandlerContext ctx, ByteBuf bytes) {
    if (!midway && !stopping && endsWithEmptyLine(bytes)) {
      // If the decoder held a part of a head now, that part would end with an empty line, and so be
      // a whole head. This is how requests without a body end, and it costs next to nothing.
      ctx.fireChannelRead(bytes);
      clean = !midway;
      return;
    }
    watching = true;
    clean &= !bytes.isReadable();
    int before = messages;
    ctx.fireChannelRead(bytes);
    // Told to decode one message at a time, the decoder waits for another read: it gets empty ones.
    while (stopping && !holding && messages > before && isReadable()) {
      before = messages;
      ctx.fireChannelRead(Unpooled.EMPTY_BUFFER);
    }
    watching = false;
    releaseCumulation();
  }

  private static boolean endsWithEmptyLine(ByteBuf bytes) {
    int end = bytes.writerIndex();
    return end - bytes.readerIndex() >= 4 && bytes.getInt(end - 4) == CRLF_CRLF;
  }

  private boolean isReadable() {
    return cumulation != null && cumulation.isReadable();
  }

  private void releaseCumulation() {
    if (cumulation != null) {
      cumulation.release();
      cumulation = null;
    }
  }

  /** The decoder has passed on a part of a request. */
  void decoded() {
    messages++;
  }

  /** The decoder has passed on the beginning of a request. */
  void requestBegan() {
    messages++;
    midway = true;
  }

  /** The decoder has passed on the end of a request. */
  void requestEnded(ChannelHandlerContext ctx) {
    messages++;
    midway = false;
    clean = cumulation != null && !cumulation.isReadable();
    if (stopping) {
      hold(ctx);
    }
  }

  private void hold(ChannelHandlerContext ctx) {
    holding = true;
    ctx.channel().config().setAutoRead(false);
  }

  /** While it holds, somebody else's wish to read is not followed. */
  @Override
  public void read(ChannelHandlerContext ctx) {
    if (!holding) {
      ctx.read();
    }
  }

  /** Stops at the next end of a request, or now if none is being read. */
  void stopAtBoundary(ChannelHandlerContext ctx) {
    stopping = true;
    decoder.setSingleDecode(true);
    if (clean && !midway) {
      hold(ctx);
    }
  }

  /** Whether it has stopped. */
  boolean holds() {
    return holding;
  }

  /** Takes out what came after it stopped. */
  Queue<ByteBuf> takeHeld() {
    Queue<ByteBuf> taken = new ArrayDeque<>(held);
    held.clear();
    return taken;
  }

  /** Lets everything through again. */
  void resume(ChannelHandlerContext ctx) {
    stopping = false;
    holding = false;
    decoder.setSingleDecode(false);
    ChannelHandlerContext own = ctx.pipeline().context(this);
    // What the decoder kept behind the last request comes first.
    decode(own, Unpooled.EMPTY_BUFFER);
    for (ByteBuf bytes : takeHeld()) {
      decode(own, bytes);
    }
    own.fireChannelReadComplete();
    ctx.channel().config().setAutoRead(true);
  }

  @Override
  public void handlerRemoved(ChannelHandlerContext ctx) {
    releaseCumulation();
    takeHeld().forEach(ByteBuf::release);
  }
}
