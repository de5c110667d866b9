package io.goagain.impl.net;

import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServerOptions;
import java.util.function.Supplier;

/**
 * What whoever deploys a server wants of its listener.
 *
 * @param name the name across generations, or null: it is derived from the address
 * @param handover whether its connections may move to a successor
 * @param drainHandler lets the application finish its conversations before WebSockets are closed
 * @param handoverHandler told of an HTTP connection that moves, on its event loop, or null
 * @param http of the server, or null: it is none for HTTP, or not known
 * @param access who may connect, or null: everybody
 */
public record ListenerSettings(
    String name,
    boolean handover,
    Supplier<Future<?>> drainHandler,
    Handler<HttpConnection> handoverHandler,
    HttpServerOptions http,
    ControlAccess access) {

  static final String CONTEXT_KEY = "io.goagain.listener";

  private static final ListenerSettings UNNAMED =
      new ListenerSettings(null, true, Future::succeededFuture, null, null, null);

  /** Of the control socket. */
  public static ListenerSettings control(ControlAccess access) {
    return new ListenerSettings(
        Listener.CONTROL, true, Future::succeededFuture, null, null, access);
  }

  static ListenerSettings unnamed() {
    return UNNAMED;
  }

  /** Every server that is bound from this verticle's context from now on has these settings. */
  public void applyTo(Context context) {
    context.put(CONTEXT_KEY, this);
  }
}
