package io.goagain.impl.net;

import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.http.HttpResponseEncoder;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.ssl.AbstractSniHandler;
import io.netty.handler.ssl.SslHandler;

/**
 * Finds out what a connection speaks, from the handlers that Vert.x has put into its pipeline by
 * the time that the first bytes come through, puts a {@link HttpTracker} behind an HTTP/1.1 codec
 * and takes itself out.
 *
 * <p>Vert.x configures a pipeline in steps (TLS, then the choice between HTTP/1.1 and HTTP/2, then
 * the codec), each triggered by what the client sent. So where nothing can be told yet, another
 * detector is put behind the handler that will know more.
 */
final class ProtocolDetector extends ChannelInboundHandlerAdapter {

  /** Vert.x's own name for the last handler of a connection. */
  private static final String VERTX_HANDLER = "handler";

  private final TrackedConnection connection;

  ProtocolDetector(TrackedConnection connection) {
    this.connection = connection;
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object msg) {
    ChannelPipeline pipeline = ctx.pipeline();
    ChannelHandlerContext encoder = pipeline.context(HttpResponseEncoder.class);
    if (encoder != null) {
      HttpTracker tracker = new HttpTracker(connection);
      pipeline.addAfter(encoder.name(), null, tracker);
      tracker.received(msg); // it is a request already, if the codec stands before this handler
      connection.protocol(TrackedConnection.Protocol.HTTP_1);
    } else if (pipeline.context(Http2ConnectionHandler.class) != null) {
      connection.protocol(TrackedConnection.Protocol.HTTP_2);
    } else {
      lookFurther(ctx, pipeline);
    }
    pipeline.remove(this);
    ctx.fireChannelRead(msg);
  }

  private void lookFurther(ChannelHandlerContext ctx, ChannelPipeline pipeline) {
    ChannelHandlerContext tls = pipeline.context(SslHandler.class);
    if (tls == null) {
      tls = pipeline.context(AbstractSniHandler.class);
    }
    if (tls != null && isBefore(pipeline, this, tls.handler())) {
      pipeline.addAfter(tls.name(), null, new ProtocolDetector(connection));
    } else if (pipeline.get(VERTX_HANDLER) == null) {
      // PROXY protocol: its decoder comes first, and the rest is put in once it is through.
      if (pipeline.lastContext() != ctx) {
        pipeline.addLast(new ProtocolDetector(connection));
      }
    } else if (!isJustBefore(pipeline, this, VERTX_HANDLER)) {
      pipeline.addBefore(VERTX_HANDLER, null, new ProtocolDetector(connection));
    } else {
      connection.protocol(TrackedConnection.Protocol.TCP);
    }
  }

  private static boolean isBefore(
      ChannelPipeline pipeline, ChannelHandler first, ChannelHandler second) {
    for (var entry : pipeline) {
      if (entry.getValue() == first || entry.getValue() == second) {
        return entry.getValue() == first;
      }
    }
    return false;
  }

  private static boolean isJustBefore(ChannelPipeline pipeline, ChannelHandler first, String name) {
    boolean found = false;
    for (var entry : pipeline) {
      if (found) {
        return entry.getKey().equals(name);
      }
      found = entry.getValue() == first;
    }
    return false;
  }
}
