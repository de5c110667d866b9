package io.goagain.impl.net;

import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.ReferenceCountUtil;
import java.util.concurrent.TimeUnit;

/**
 * Stands behind the codec of one HTTP/1.1 connection and counts: requests begun, requests answered.
 * While the connection drains it puts {@code Connection: close} into the last answer, and closes
 * the connection once that is out (RFC 9112, 9.6).
 */
final class HttpTracker extends ChannelDuplexHandler {

  /** How long a client may take to close after it was told; its last bytes are read until then. */
  private static final long LINGER_SECONDS = 5;

  private final TrackedConnection connection;
  private int unanswered;
  private boolean interim;
  private boolean lastAnswer;

  HttpTracker(TrackedConnection connection) {
    this.connection = connection;
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object msg) {
    if (lastAnswer) {
      // Sent after it was told that the connection closes: must not be processed.
      ReferenceCountUtil.release(msg);
      return;
    }
    received(msg);
    ctx.fireChannelRead(msg);
  }

  void received(Object msg) {
    if (msg instanceof HttpRequest) {
      connection.inFlight(++unanswered);
    }
  }

  @Override
  public void write(ChannelHandlerContext ctx, Object msg, ChannelPromise promise) {
    if (msg instanceof HttpResponse response) {
      begins(ctx, response);
    }
    boolean ends = msg instanceof LastHttpContent && !interim;
    ChannelFuture written = ctx.write(msg, promise.unvoid());
    if (ends) {
      connection.inFlight(--unanswered);
      if (lastAnswer) {
        written.addListener(done -> lingeringClose(ctx.channel()));
      }
    }
  }

  private void begins(ChannelHandlerContext ctx, HttpResponse response) {
    HttpResponseStatus status = response.status();
    interim = status.codeClass() == HttpStatusClass.INFORMATIONAL;
    if (status.code() == HttpResponseStatus.SWITCHING_PROTOCOLS.code()) {
      connection.protocol(TrackedConnection.Protocol.UPGRADED);
      connection.inFlight(0);
      ctx.pipeline().remove(this);
    } else if (connection.isDraining() && !interim && unanswered == 1) {
      // With pipelined requests behind this one, it is the last of them that is told.
      response.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
      lastAnswer = true;
    }
  }

  /**
   * Closing with unread bytes in the socket sends a reset, which can overtake the answer. So only
   * the own side is closed, and the rest when the client has closed its side too.
   */
  private static void lingeringClose(Channel channel) {
    if (channel.pipeline().get(SslHandler.class) != null
        || !(channel instanceof DuplexChannel duplex)) {
      channel.close();
      return;
    }
    duplex.shutdownOutput();
    channel.eventLoop().schedule(() -> channel.close(), LINGER_SECONDS, TimeUnit.SECONDS);
  }
}
