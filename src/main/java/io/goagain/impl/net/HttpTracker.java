package io.goagain.impl.net;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.ChannelPromise;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.codec.http.DefaultHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpRequestDecoder;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.ReferenceCountUtil;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.TimeUnit;

/**
 * Stands behind the codec of one HTTP/1.1 connection and counts: requests begun, requests answered.
 *
 * <p>A connection that leaves moves to the successor at the first moment between two requests. One
 * that cannot move is told {@code Connection: close} with its last answer, and closed once that is
 * out (RFC 9112, 9.6).
 */
final class HttpTracker extends ChannelDuplexHandler implements Leaving {

  /** How long a client may take to close after it was told; its last bytes are read until then. */
  private static final long LINGER_SECONDS = 5;

  private static final VarHandle UNANSWERED;

  static {
    try {
      UNANSWERED = MethodHandles.lookup().findVarHandle(HttpTracker.class, "unanswered", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /** Vert.x's class of an answer in one piece, which is not public: found by the first one. */
  private static Class<?> fullResponse;

  private final TrackedConnection connection;

  /** Null where a connection cannot move, and so nobody has to know what the decoder holds. */
  private final BoundaryTap tap;

  private ChannelHandlerContext ctx;
  private int unanswered;
  private boolean midway;
  private boolean interim;
  private boolean lastAnswer;
  private boolean moving;
  private boolean closing;
  private int leavings;
  private Unread capturing;

  HttpTracker(TrackedConnection connection, BoundaryTap tap) {
    this.connection = connection;
    this.tap = tap;
  }

  @Override
  public void handlerAdded(ChannelHandlerContext added) {
    ctx = added;
  }

  @Override
  public void channelRead(ChannelHandlerContext reading, Object msg) {
    if (capturing != null) {
      capturing.add((ByteBuf) msg);
    } else if (lastAnswer) {
      // Sent after it was told that the connection closes: must not be processed.
      ReferenceCountUtil.release(msg);
    } else {
      // Behind the handler: an answer that is given at once finds the request counted.
      received(msg);
      reading.fireChannelRead(msg);
    }
  }

  void received(Object msg) {
    // The two that a request without a body consists of come first: a check for an interface is
    // what a profiler shows here, and so are references that are kept from one request to the next.
    if (msg == LastHttpContent.EMPTY_LAST_CONTENT) {
      ended();
    } else if (msg.getClass() == DefaultHttpRequest.class) {
      begun();
    } else {
      if (msg instanceof HttpRequest) {
        begun();
      } else if (moving) {
        tap.decoded();
      }
      if (msg instanceof LastHttpContent) {
        ended();
      }
    }
  }

  @Override
  public int inFlight() {
    return (int) UNANSWERED.getOpaque(this);
  }

  /** For each request twice, so without the fence of a volatile write. */
  private void unanswered(int requests) {
    UNANSWERED.setOpaque(this, requests);
  }

  private void begun() {
    unanswered(unanswered + 1);
    midway = true;
    if (moving) {
      tap.decoded();
    }
  }

  private void ended() {
    midway = false;
    if (tap != null) {
      tap.requestEnded(ctx);
      moveLater();
    }
  }

  @Override
  public void write(ChannelHandlerContext writing, Object msg, ChannelPromise promise) {
    boolean ends;
    if (msg.getClass() == fullResponse) {
      ends = begins((HttpResponse) msg);
    } else {
      ends = writesUnusual(msg);
    }
    if (!ends) {
      writing.write(msg, promise);
      return;
    }
    unanswered(unanswered - 1);
    if (!lastAnswer && !moving) {
      if (closing && unanswered == 0) {
        closeIfIdleLater();
      }
      writing.write(msg, promise);
      return;
    }
    ChannelFuture written = writing.write(msg, promise.unvoid());
    written.addListener(
        done -> {
          if (lastAnswer) {
            lingeringClose(ctx.channel());
          } else {
            moveLater();
          }
        });
  }

  /** Whether an answer ends with this. */
  private boolean writesUnusual(Object msg) {
    boolean last = msg instanceof LastHttpContent;
    if (msg instanceof HttpResponse response) {
      if (last) {
        fullResponse = msg.getClass();
      }
      return begins(response) && last;
    }
    return last && !interim;
  }

  /** Whether this is the answer, and not one that goes before it. */
  private boolean begins(HttpResponse response) {
    int status = response.status().code();
    interim = status < 200;
    if (status >= 500) {
      connection.listener().answeredWithError();
    }
    if (status == HttpResponseStatus.SWITCHING_PROTOCOLS.code()) {
      connection.upgraded();
      ctx.pipeline().remove(this);
    } else if (closing && !interim && unanswered == 1) {
      // With pipelined requests behind this one, it is the last of them that is told.
      response.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
      connection.endsAs(TrackedConnection.Ending.CLOSED);
      lastAnswer = true;
    }
    return !interim;
  }

  @Override
  public void leave() {
    if (tap != null && connection.canMove()) {
      moving = true;
      tap.stopAtBoundary(ctx, midway);
      moveLater();
    } else {
      closing = true;
      closeIfIdleLater();
    }
  }

  @Override
  public void stay() {
    closing = false;
    if (moving) {
      moving = false;
      tap.resume(ctx);
    }
  }

  /**
   * Not at once: the decoder or the application may be in the middle of their work. And a
   * connection whose client asked for its end is closed by Vert.x before this comes to it.
   */
  private void moveLater() {
    if (moving) {
      ctx.channel().eventLoop().execute(this::moveIfAtBoundary);
    }
  }

  private void moveIfAtBoundary() {
    ChannelOutboundBuffer unsent = ctx.channel().unsafe().outboundBuffer();
    if (!moving || unsent == null || !tap.holds() || unanswered != 0) {
      return;
    }
    if (unsent.totalPendingWriteBytes() > 0) {
      ctx.pipeline()
          .firstContext()
          .writeAndFlush(Unpooled.EMPTY_BUFFER)
          .addListener(sent -> moveLater());
    } else if (ctx.pipeline().context(HttpRequestDecoder.class) == null) {
      moving = false; // it was made a tunnel
    } else if (!connection.reserveMove()) {
      moving = false;
      tap.resume(ctx);
      leave();
    } else {
      move();
    }
  }

  private void move() {
    moving = false;
    capturing = new Unread();
    // Removed at a boundary, the decoder passes on the bytes that it has not touched.
    ctx.pipeline().remove(HttpRequestDecoder.class);
    tap.takeHeld().forEach(capturing::add);
    connection.listener().tellHandover(ctx.channel());
    connection.move(new Luggage(capturing.bytes(), null));
  }

  private void closeIfIdleLater() {
    int leaving = ++leavings;
    connection.closeLater(
        () ->
            closing
                && leavings == leaving
                && unanswered == 0
                && !midway
                && !lastAnswer
                && (tap == null || tap.isClean()));
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
