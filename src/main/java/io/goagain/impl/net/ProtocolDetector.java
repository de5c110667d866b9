package io.goagain.impl.net;

import io.goagain.impl.net.TrackedConnection.Protocol;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.http.HttpRequestDecoder;
import io.netty.handler.codec.http.HttpResponseEncoder;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.ssl.AbstractSniHandler;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.ReferenceCountUtil;

/**
 * Finds out what a connection speaks, from the handlers that Vert.x has put into its pipeline by
 * the time that the first bytes come through, puts a {@link HttpTracker} behind an HTTP/1.1 codec
 * and takes itself out.
 *
 * <p>Vert.x configures a pipeline in steps (TLS, then the choice between HTTP/1.1 and HTTP/2, then
 * the codec), each triggered by what the client sent. So where nothing can be told yet, another
 * detector is put behind the handler that will know more.
 */
final class ProtocolDetector extends ChannelInboundHandlerAdapter implements Leaving {

  /** Vert.x's own name for the last handler of a connection. */
  static final String VERTX_HANDLER = "handler";

  /** Vert.x's handler that waits for the first bytes to tell HTTP/1.1 from HTTP/2 without TLS. */
  private static final String HTTP_VERSION_CHOICE = "Http1xOrH2CHandler";

  private final TrackedConnection connection;
  private final boolean untouched;
  private ChannelHandlerContext context;
  private boolean taken;
  private int leavings;

  ProtocolDetector(TrackedConnection connection) {
    this(connection, true);
  }

  private ProtocolDetector(TrackedConnection connection, boolean untouched) {
    this.connection = connection;
    this.untouched = untouched;
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    context = ctx;
    if (untouched) {
      connection.registered();
    }
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object msg) {
    if (taken) {
      ReferenceCountUtil.release(msg);
      return;
    }
    ChannelPipeline pipeline = ctx.pipeline();
    ChannelHandlerContext encoder = pipeline.context(HttpResponseEncoder.class);
    if (encoder != null) {
      speaksHttp1(pipeline, encoder, msg);
    } else if (!findHttp2()) {
      lookFurther(pipeline);
    }
    pipeline.remove(this);
    ctx.fireChannelRead(msg);
  }

  /** Whether there is a codec of HTTP/2, by which the connection leaves then. */
  boolean findHttp2() {
    ChannelHandlerContext http2 =
        connection.channel().pipeline().context(Http2ConnectionHandler.class);
    if (http2 == null) {
      return false;
    }
    connection.speaks(Protocol.HTTP_2, new Http2Leaving(connection, http2));
    return true;
  }

  private void speaksHttp1(
      ChannelPipeline pipeline, ChannelHandlerContext encoder, Object firstMessage) {
    ChannelHandlerContext decoder = pipeline.context(HttpRequestDecoder.class);
    boolean early = isBefore(pipeline, this, decoder.handler());
    BoundaryTap tap = null;
    if (!isSecured(pipeline) && !connection.isProxied()) {
      tap = new BoundaryTap((HttpRequestDecoder) decoder.handler(), early);
    }
    HttpTracker tracker = new HttpTracker(connection, tap);
    pipeline.addAfter(encoder.name(), null, tracker);
    if (!early) {
      tracker.received(firstMessage); // the codec has decoded it already
    }
    connection.speaks(Protocol.HTTP_1, tracker);
  }

  private void lookFurther(ChannelPipeline pipeline) {
    ChannelHandlerContext tls = pipeline.context(SslHandler.class);
    if (tls == null) {
      tls = pipeline.context(AbstractSniHandler.class);
    }
    ChannelHandlerContext choice = versionChoice(pipeline);
    ProtocolDetector next = new ProtocolDetector(connection, false);
    if (tls != null && isBefore(pipeline, this, tls.handler())) {
      pipeline.addAfter(tls.name(), null, next);
    } else if (choice != null && isBefore(pipeline, this, choice.handler())) {
      pipeline.addAfter(choice.name(), null, next);
    } else if (pipeline.get(VERTX_HANDLER) == null) {
      // PROXY protocol: its decoder comes first, and the rest is put in once it is through.
      connection.proxied();
      pipeline.addLast(next);
    } else if (!isJustBefore(pipeline, this, VERTX_HANDLER)) {
      pipeline.addBefore(VERTX_HANDLER, null, next);
    } else {
      connection.speaks(Protocol.TCP, new TcpLeaving(connection));
      return;
    }
    connection.speaks(Protocol.UNKNOWN, next);
  }

  /** Whether there is TLS: its state is in this process, so such a connection cannot move. */
  static boolean isSecured(ChannelPipeline pipeline) {
    return pipeline.context(SslHandler.class) != null
        || pipeline.context(AbstractSniHandler.class) != null;
  }

  private static ChannelHandlerContext versionChoice(ChannelPipeline pipeline) {
    for (var entry : pipeline) {
      // Its class is not exported. If a later Vert.x calls it otherwise, connections that have not
      // sent anything are not recognised as HTTP, and do not move before they have.
      for (Class<?> c = entry.getValue().getClass(); c != null; c = c.getSuperclass()) {
        if (c.getSimpleName().equals(HTTP_VERSION_CHOICE)) {
          return pipeline.context(entry.getValue());
        }
      }
    }
    return null;
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

  /** An HTTP connection on which nothing has been sent yet moves as it is. */
  @Override
  public void leave() {
    ChannelPipeline pipeline = context.pipeline();
    if (connection.release() != null) {
      // A TCP server's, whose client may wait for the server to speak first.
      pipeline.remove(this);
      connection.speaks(Protocol.TCP, new TcpLeaving(connection));
      return;
    }
    if (untouched
        && isHttp(pipeline)
        && !isSecured(pipeline)
        && connection.canMove()
        && connection.reserveMove()) {
      taken = true;
      if (pipeline.get(VERTX_HANDLER) != null) {
        connection.listener().tellHandover(context.channel());
      }
      connection.move(Luggage.NONE);
    } else {
      int leaving = ++leavings;
      connection.closeLater(
          () -> connection.isLeaving(this) && leavings == leaving && hasNoRequest(pipeline));
    }
  }

  /** An HTTP connection without one, or one whose handshake is not over: nobody waits for it. */
  private static boolean hasNoRequest(ChannelPipeline pipeline) {
    return isHttp(pipeline) || (isSecured(pipeline) && pipeline.get(VERTX_HANDLER) == null);
  }

  private static boolean isHttp(ChannelPipeline pipeline) {
    return pipeline.context(HttpResponseEncoder.class) != null
        || pipeline.context(Http2ConnectionHandler.class) != null
        || versionChoice(pipeline) != null;
  }

  @Override
  public void stay() {
    leavings++;
  }
}
