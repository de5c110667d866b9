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
  private final ChannelHandlerContext codec;
  private final Http2Connection http2;
  private boolean left;

  /**
   * Not yet told.
   *
   * @param codec of an {@link Http2ConnectionHandler}
   */
  Http2Leaving(TrackedConnection connection, ChannelHandlerContext codec) {
    this.connection = connection;
    this.channel = codec.channel();
    this.codec = codec;
    this.http2 = handler().connection();
  }

  @Override
  public int inFlight() {
    return http2.numActiveStreams();
  }

  @Override
  public void leave() {
    if (left) {
      return;
    }
    left = true;
    goAway(Integer.MAX_VALUE);
    channel.eventLoop().schedule(this::lastStream, SECOND_STEP_MILLIS, TimeUnit.MILLISECONDS);
  }

  private void lastStream() {
    if (!channel.isActive()) {
      return;
    }
    goAway(http2.remote().lastStreamCreated());
    connection.endsAs(TrackedConnection.Ending.CLOSED);
    http2.addListener(
        new Http2ConnectionAdapter() {
          @Override
          public void onStreamRemoved(Http2Stream stream) {
            closeIfDone();
          }
        });
    closeIfDone();
  }

  private Http2ConnectionHandler handler() {
    return (Http2ConnectionHandler) codec.handler();
  }

  private void goAway(int lastStream) {
    handler()
        .goAway(
            codec,
            lastStream,
            Http2Error.NO_ERROR.code(),
            Unpooled.copiedBuffer("restart", StandardCharsets.US_ASCII),
            codec.newPromise());
    codec.flush();
  }

  private void closeIfDone() {
    if (http2.numActiveStreams() == 0) {
      // After what the last stream has still to send.
      codec.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(sent -> channel.close());
    }
  }

  @Override
  public void stay() {
    // A GOAWAY cannot be taken back: the client opens another connection for what comes.
  }
}
