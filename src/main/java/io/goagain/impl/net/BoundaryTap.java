package io.goagain.impl.net;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.handler.codec.http.HttpRequestDecoder;
import java.util.ArrayDeque;
import java.util.Queue;

/**
 * Knows, together with the {@link HttpTracker} behind it, whether the decoder of an HTTP/1.1
 * connection holds a part of a request. When told to, it stops the connection after the request
 * that is being read: the bytes behind that one stay untouched.
 *
 * <p>Until then it only looks at the end of what is read, in the decoder's cumulator; a handler
 * before the decoder is put in when it stops.
 */
final class BoundaryTap {

  /** As {@link ByteBuf#getInt} sees it. */
  private static final int CRLF_CRLF = 0x0d0a0d0a;

  private final HttpRequestDecoder decoder;

  /** If no request is midway: no byte has come since the end of the last one. */
  private boolean clean;

  /** The decoder's buffer, where the end of what was read does not tell whether it is clean. */
  private ByteBuf watched;

  private Gate gate;

  /**
   * For this decoder.
   *
   * @param clean whether the decoder has seen nothing yet
   */
  BoundaryTap(HttpRequestDecoder decoder, boolean clean) {
    this.decoder = decoder;
    this.clean = clean;
    decoder.setCumulator(this::cumulate);
  }

  /**
   * If the decoder held a part of a head after a read that ended with an empty line, that part
   * would end with it too, and so be a whole head. This is how requests without a body end; of the
   * others {@link #requestEnded} finds out.
   */
  private ByteBuf cumulate(ByteBufAllocator allocator, ByteBuf before, ByteBuf in) {
    if (in.isReadable()) {
      clean = endsWithEmptyLine(in);
    }
    ByteBuf merged = ByteToMessageDecoder.MERGE_CUMULATOR.cumulate(allocator, before, in);
    if (gate != null) {
      gate.retain(merged);
    } else {
      watched = clean ? null : merged;
    }
    return merged;
  }

  private static boolean endsWithEmptyLine(ByteBuf bytes) {
    int end = bytes.writerIndex();
    return end - bytes.readerIndex() >= 4 && bytes.getInt(end - 4) == CRLF_CRLF;
  }

  /**
   * The decoder has passed on the end of a request. Its buffer may be released by then, but if so
   * just now, and with all its bytes read: nothing else can have taken it.
   */
  void requestEnded(ChannelHandlerContext ctx) {
    if (gate != null) {
      clean = !gate.isReadable();
      gate.hold(ctx);
    } else if (watched != null && !watched.isReadable()) {
      clean = true; // otherwise another request is in there, which may end in this read too
      watched = null;
    }
  }

  /** The decoder has passed on a part of a request. */
  void decoded() {
    if (gate != null) {
      gate.messages++;
    }
  }

  /**
   * Stops at the next end of a request, or now if none is being read.
   *
   * @param midway whether the beginning of a request has been passed on, and not its end
   */
  void stopAtBoundary(ChannelHandlerContext ctx, boolean midway) {
    watched = null;
    gate = new Gate();
    decoder.setSingleDecode(true);
    ctx.pipeline().addBefore(ctx.pipeline().context(decoder).name(), null, gate);
    if (clean && !midway) {
      gate.hold(ctx);
    }
  }

  /** Whether no part of a request is held. */
  boolean isClean() {
    return clean;
  }

  /** Whether it has stopped. */
  boolean holds() {
    return gate != null && gate.holding;
  }

  /** Takes out what came after it stopped. */
  Queue<ByteBuf> takeHeld() {
    return gate.takeHeld();
  }

  /** Lets everything through again. */
  void resume(ChannelHandlerContext ctx) {
    Gate opened = gate;
    gate = null;
    decoder.setSingleDecode(false);
    ChannelHandlerContext before = ctx.pipeline().context(opened);
    // What the decoder kept behind the last request comes first.
    before.fireChannelRead(Unpooled.EMPTY_BUFFER);
    opened.takeHeld().forEach(before::fireChannelRead);
    before.fireChannelReadComplete();
    ctx.pipeline().remove(opened);
    ctx.channel().config().setAutoRead(true);
  }

  /** In front of the decoder while the connection is to stop. */
  private static final class Gate extends ChannelDuplexHandler {
    private final Queue<ByteBuf> held = new ArrayDeque<>();

    /** Retained, as the decoder may release it under our eyes. */
    private ByteBuf cumulation;

    private boolean holding;
    private int messages;

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

    /**
     * Told to decode one message at a time, the decoder waits for another read: it gets empty ones.
     */
    private void decode(ChannelHandlerContext ctx, ByteBuf bytes) {
      int before = messages;
      ctx.fireChannelRead(bytes);
      while (!holding && messages > before && isReadable()) {
        before = messages;
        ctx.fireChannelRead(Unpooled.EMPTY_BUFFER);
      }
      releaseCumulation();
    }

    void retain(ByteBuf merged) {
      releaseCumulation();
      cumulation = merged.retain();
    }

    boolean isReadable() {
      return cumulation != null && cumulation.isReadable();
    }

    private void releaseCumulation() {
      if (cumulation != null) {
        cumulation.release();
        cumulation = null;
      }
    }

    void hold(ChannelHandlerContext ctx) {
      holding = true;
      ctx.channel().config().setAutoRead(false);
    }

    Queue<ByteBuf> takeHeld() {
      Queue<ByteBuf> taken = new ArrayDeque<>(held);
      held.clear();
      return taken;
    }

    /** While it holds, somebody else's wish to read is not followed. */
    @Override
    public void read(ChannelHandlerContext ctx) {
      if (!holding) {
        ctx.read();
      }
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
      releaseCumulation();
      takeHeld().forEach(ByteBuf::release);
    }
  }
}
