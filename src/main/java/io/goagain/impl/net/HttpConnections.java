package io.goagain.impl.net;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.vertx.core.http.HttpConnection;
import java.lang.reflect.Method;

/** Finds Vert.x's connection of a channel, for which there is no interface that is exported. */
public final class HttpConnections {

  private static final String HANDLER_CLASS = "io.vertx.core.net.impl.VertxHandler";

  private HttpConnections() {}

  /**
   * Whether {@link #of} can work: on the module path it needs the package of that class.
   *
   * @throws UnsupportedOperationException if it cannot, with what to do
   */
  public static void requireAccess() {
    try {
      Class<?> handler = Class.forName(HANDLER_CLASS);
      if (!handler.getModule().isExported(handler.getPackageName(), module())) {
        throw new UnsupportedOperationException(
            "A handover handler on the module path needs the option --add-exports %s/%s=%s."
                .formatted(
                    handler.getModule().getName(), handler.getPackageName(), module().getName()));
      }
    } catch (ClassNotFoundException e) {
      throw unknownVertx(e);
    }
  }

  /** The connection of an HTTP server's channel. */
  public static HttpConnection of(Channel channel) {
    ChannelHandler handler = channel.pipeline().get(ProtocolDetector.VERTX_HANDLER);
    try {
      Method connection = Class.forName(HANDLER_CLASS).getMethod("getConnection");
      return (HttpConnection) connection.invoke(handler);
    } catch (ReflectiveOperationException e) {
      throw unknownVertx(e);
    }
  }

  private static Module module() {
    return HttpConnections.class.getModule();
  }

  private static UnsupportedOperationException unknownVertx(ReflectiveOperationException e) {
    return new UnsupportedOperationException(
        "A handover handler cannot be called with this version of Vert.x: " + e, e);
  }
}
