package io.goagain.impl.net;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http2.Http2Connection;
import io.netty.handler.codec.http2.Http2ConnectionAdapter;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Stream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;

/**
 * Ends an HTTP/2 connection in the two steps of RFC 9113, 6.8: a GOAWAY that refuses nothing, and a
 * while later, when the client must have seen it, one that names the last stream that is served.
 */
final class Http2Leaving implements Leaving {

  /** Longer than most round trips: the client has seen the first GOAWAY by then. */
  private static final long SECOND_STEP_MILLIS = 1_000;

  private final TrackedConnection connection;
  private final Channel channel;
  private boolean left;

  Http2Leaving(TrackedConnection connection, Channel channel) {
    this.connection = connection;
    this.channel = channel;
  }

  @Override
  public void leave() {
    ChannelHandlerContext ctx = channel.pipeline().context(Http2ConnectionHandler.class);
    if (left || ctx == null) {
      return;
    }
    left = true;
    goAway(ctx, Integer.MAX_VALUE);
    channel.eventLoop().schedule(() -> lastStream(ctx), SECOND_STEP_MILLIS, TimeUnit.MILLISECONDS);
  }

  private void lastStream(ChannelHandlerContext ctx) {
    if (!channel.isActive()) {
      return;
    }
    Http2Connection http2 = ((Http2ConnectionHandler) ctx.handler()).connection();
    goAway(ctx, http2.remote().lastStreamCreated());
    connection.endsAs(TrackedConnection.Ending.CLOSED);
    http2.addListener(
        new Http2ConnectionAdapter() {
          @Override
          public void onStreamRemoved(Http2Stream stream) {
            closeIfDone(ctx, http2);
          }
        });
    closeIfDone(ctx, http2);
  }

  private static void goAway(ChannelHandlerContext ctx, int lastStream) {
    ((Http2ConnectionHandler) ctx.handler())
        .goAway(
            ctx,
            lastStream,
            Http2Error.NO_ERROR.code(),
            Unpooled.copiedBuffer("restart", StandardCharsets.US_ASCII),
            ctx.newPromise());
    ctx.flush();
  }

  private void closeIfDone(ChannelHandlerContext ctx, Http2Connection http2) {
    if (http2.numActiveStreams() == 0) {
      // After what the last stream has still to send.
      ctx.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(sent -> channel.close());
    }
  }

  @Override
  public void stay() {
    // A GOAWAY cannot be taken back: the client opens another connection for what comes.
  }
}
