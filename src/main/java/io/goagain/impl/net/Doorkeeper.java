package io.goagain.impl.net;

import io.goagain.impl.posix.PeerCredentials;
import io.goagain.impl.posix.PosixException;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.DuplexChannel;
import io.netty.channel.unix.UnixChannel;
import io.netty.util.ReferenceCountUtil;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;

/**
 * Stands at the control socket: asks the kernel who has connected, and tells whoever may not, in
 * one HTTP answer, why. On the acceptor's event loop.
 */
final class Doorkeeper {

  /** Far more than anybody needs who waits for answers or listens to events. */
  static final int MAX_CONNECTIONS = 64;

  private static final long REFUSAL_MILLIS = 1_000;

  private Doorkeeper() {}

  /** Whether the connection may be served; if not it is dealt with. */
  static boolean admits(
      Channel accepted, Listener listener, Listeners listeners, ControlAccess access) {
    try {
      PeerCredentials peer = PeerCredentials.of(((UnixChannel) accepted).fd().intValue());
      if (!access.allows(peer)) {
        refuse(accepted, listener, "403 Forbidden", "FORBIDDEN", access.refusal(peer));
        return false;
      }
    } catch (PosixException e) {
      refuse(accepted, listener, "403 Forbidden", "FORBIDDEN", e.getMessage());
      return false;
    }
    if (listeners.connectionsOf(listener) >= MAX_CONNECTIONS) {
      refuse(
          accepted,
          listener,
          "503 Service Unavailable",
          "BUSY",
          "There are %d connections to the control socket already: close some."
              .formatted(MAX_CONNECTIONS));
      return false;
    }
    return true;
  }

  private static void refuse(
      Channel accepted, Listener listener, String status, String code, String message) {
    byte[] body =
        (new JsonObject().put("code", code).put("message", message).encode() + "\n")
            .getBytes(StandardCharsets.UTF_8);
    String head =
        "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
            .formatted(status, body.length);
    accepted
        .pipeline()
        .addLast(
            new ChannelInboundHandlerAdapter() {
              @Override
              public void channelActive(ChannelHandlerContext ctx) {
                ctx.write(Unpooled.copiedBuffer(head, StandardCharsets.US_ASCII));
                ctx.writeAndFlush(Unpooled.wrappedBuffer(body))
                    .addListener(sent -> ((DuplexChannel) ctx.channel()).shutdownOutput());
                // What it sends is read for a while: a close with unread bytes resets the answer.
                ctx.executor()
                    .schedule(() -> ctx.channel().close(), REFUSAL_MILLIS, TimeUnit.MILLISECONDS);
              }

              @Override
              public void channelRead(ChannelHandlerContext ctx, Object ignored) {
                ReferenceCountUtil.release(ignored);
              }

              @Override
              public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
                ctx.close();
              }
            });
    listener.channel().eventLoop().register(accepted);
  }
}
