package io.goagain.impl.net;

import io.netty.channel.Channel;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketFrameEncoder;

/** A WebSocket is told 1012, service restart (IANA's registry of close codes, after RFC 6455). */
final class WebSocketLeaving implements Leaving {

  private static final int SERVICE_RESTART = 1012;

  private final TrackedConnection connection;
  private final Channel channel;

  WebSocketLeaving(TrackedConnection connection, Channel channel) {
    this.connection = connection;
    this.channel = channel;
  }

  @Override
  public void leave() {
    connection
        .listener()
        .applicationFinished()
        .onComplete(finished -> channel.eventLoop().execute(this::tell));
  }

  @Override
  public void lastWord() {
    tell();
  }

  private void tell() {
    if (channel.isActive() && channel.pipeline().get(WebSocketFrameEncoder.class) != null) {
      connection.endsAs(TrackedConnection.Ending.CLOSED);
      channel.writeAndFlush(new CloseWebSocketFrame(SERVICE_RESTART, "service restart"));
    }
  }

  @Override
  public void stay() {
    // Its peer has been told already, or it is no WebSocket and was left alone.
  }
}
