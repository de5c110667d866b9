package io.goagain;

import io.goagain.impl.ServerDeployer;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.net.NetServer;
import io.vertx.core.net.NetServerOptions;
import io.vertx.core.net.NetSocket;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Deploys servers whose listeners pass from generation to generation under a name. A server adopts
 * the inherited listener of its name, else the one of its address, else it binds.
 *
 * <p>Each server is a verticle: the future gives its deployment id, and {@code vertx.undeploy(id)}
 * stops accepting, lets the connections finish under {@link ListenOptions#getDrainTimeout} and
 * closes the server. The future fails as {@link HttpServer#listen()} does, for example with a
 * {@link java.net.BindException}. Names are unique in a process.
 *
 * <p>Servers that an application makes by itself take part in restarts too; their listeners are
 * named by their address.
 */
public interface GoAgainServerFactory {

  /** A factory that deploys into this Vert.x instance. It owns nothing. */
  static GoAgainServerFactory create(Vertx vertx) {
    return new ServerDeployer(vertx);
  }

  /** Deploys an HTTP server on the host and port of its options. */
  default Future<String> deployHttpServer(
      String name, HttpServerOptions options, Handler<HttpServerRequest> handler) {
    return deployHttpServer(
        name, options, new ListenOptions(), server -> server.requestHandler(handler));
  }

  /**
   * Deploys an HTTP server.
   *
   * @param name of the listener, the same in every generation
   * @param configuration sets the handlers of the server before it listens; called once for each
   *     instance, on the instance's context
   */
  Future<String> deployHttpServer(
      String name,
      HttpServerOptions options,
      ListenOptions listen,
      Consumer<HttpServer> configuration);

  /** Deploys a TCP server on the host and port of its options. */
  default Future<String> deployNetServer(
      String name, NetServerOptions options, Handler<NetSocket> handler) {
    return deployNetServer(
        name, options, new ListenOptions(), server -> server.connectHandler(handler));
  }

  /**
   * Deploys a TCP server.
   *
   * @param name of the listener, the same in every generation
   * @param configuration sets the handlers of the server before it listens; called once for each
   *     instance, on the instance's context
   */
  Future<String> deployNetServer(
      String name,
      NetServerOptions options,
      ListenOptions listen,
      Consumer<NetServer> configuration);

  /**
   * Deploys a TCP server whose live connections move to the successor with their state.
   *
   * @param handler as a connect handler, for connections that are new
   */
  Future<String> deployNetServer(
      String name,
      NetServerOptions options,
      ListenOptions listen,
      Handler<NetSocket> handler,
      NetSocketHandover handover);

  /**
   * Lets the application finish its conversations when the connections of a listener are about to
   * end: called once for each drain, on the context that deployed the server. WebSockets are
   * closed, with code 1012, when the future completes or {@link RestartOptions#getDrainTimeout} has
   * passed; TCP connections may live until the latter. Set it before the server is deployed.
   */
  GoAgainServerFactory drainHandler(String name, Supplier<Future<?>> handler);

  /**
   * Tells the application of each HTTP/1.1 connection that moves to the successor, so that it can
   * drop what it knows of it: called on the connection's event loop, just before {@link
   * HttpConnection#closeHandler}. It cannot keep or end the connection, and what it throws is
   * logged. A connection that Vert.x has not opened yet, as nothing came on it, is not told of. Set
   * it before the server is deployed.
   *
   * @throws UnsupportedOperationException on the module path, without the {@code --add-exports}
   *     that the message names
   */
  GoAgainServerFactory handoverHandler(String name, Handler<HttpConnection> handler);
}
