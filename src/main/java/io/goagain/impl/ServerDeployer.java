package io.goagain.impl;

import static java.lang.System.Logger.Level.WARNING;

import io.goagain.GoAgainServerFactory;
import io.goagain.ListenOptions;
import io.goagain.NetSocketHandover;
import io.goagain.impl.net.HttpConnections;
import io.goagain.impl.net.Listener;
import io.goagain.impl.net.ListenerSettings;
import io.goagain.impl.net.Listeners;
import io.goagain.impl.net.SocketStates;
import io.vertx.core.Context;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Promise;
import io.vertx.core.VerticleBase;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.net.NetServer;
import io.vertx.core.net.NetServerOptions;
import io.vertx.core.net.NetSocket;
import io.vertx.core.net.SocketAddress;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** Wraps each server in a verticle that knows its listener's name and drains it when undeployed. */
public final class ServerDeployer implements GoAgainServerFactory {

  private static final System.Logger LOG = System.getLogger(ServerDeployer.class.getName());
  private static final AtomicInteger NEXT_SHARED_PORT = new AtomicInteger(1);

  private final Vertx vertx;
  private final Map<String, Supplier<Future<?>>> drainHandlers = new ConcurrentHashMap<>();
  private final Map<String, Handler<HttpConnection>> handoverHandlers = new ConcurrentHashMap<>();
  private final Listeners listeners = ThisProcess.get().listeners();

  public ServerDeployer(Vertx vertx) {
    this.vertx = Objects.requireNonNull(vertx);
  }

  @Override
  public Future<String> deployHttpServer(
      String name,
      HttpServerOptions options,
      ListenOptions listen,
      Consumer<HttpServer> configuration) {
    return deploy(
        name,
        listen,
        SocketAddress.inetSocketAddress(options.getPort(), options.getHost()),
        options,
        () -> {
          HttpServer server = vertx.createHttpServer(options);
          configuration.accept(server);
          return new Server(server::listen, server::close);
        });
  }

  @Override
  public Future<String> deployNetServer(
      String name,
      NetServerOptions options,
      ListenOptions listen,
      Consumer<NetServer> configuration) {
    return deploy(
        name,
        listen,
        SocketAddress.inetSocketAddress(options.getPort(), options.getHost()),
        null,
        () -> {
          NetServer server = vertx.createNetServer(options);
          configuration.accept(server);
          return new Server(server::listen, server::close);
        });
  }

  @Override
  public Future<String> deployNetServer(
      String name,
      NetServerOptions options,
      ListenOptions listen,
      Handler<NetSocket> handler,
      NetSocketHandover handover) {
    return deployNetServer(
        name,
        options,
        listen,
        server ->
            server.connectHandler(
                socket -> {
                  SocketStates.onRelease(socket, () -> handover.release(socket));
                  Buffer state = SocketStates.stateOf(socket);
                  if (state == null) {
                    handler.handle(socket);
                  } else {
                    handover.adopt(socket, state);
                  }
                }));
  }

  @Override
  public GoAgainServerFactory drainHandler(String name, Supplier<Future<?>> handler) {
    drainHandlers.put(name, handler);
    return this;
  }

  @Override
  public GoAgainServerFactory handoverHandler(String name, Handler<HttpConnection> handler) {
    HttpConnections.requireAccess();
    handoverHandlers.put(name, handler);
    return this;
  }

  /** On the deploying context; a handler that throws has finished. */
  private Supplier<Future<?>> drainHandler(String name) {
    Supplier<Future<?>> handler = drainHandlers.getOrDefault(name, Future::succeededFuture);
    Context context = vertx.getOrCreateContext();
    return () -> {
      Promise<Object> finished = Promise.promise();
      context.runOnContext(
          v -> {
            try {
              handler.get().onComplete(done -> finished.tryComplete());
            } catch (RuntimeException e) {
              LOG.log(WARNING, "the drain handler of \"" + name + "\" failed", e);
              finished.tryComplete();
            }
          });
      return finished.future();
    };
  }

  private Future<String> deploy(
      String name,
      ListenOptions listen,
      SocketAddress ofServer,
      HttpServerOptions http,
      Supplier<Server> factory) {
    Objects.requireNonNull(name, "a listener needs a name");
    if (name.equals(Listener.CONTROL)) {
      return Future.failedFuture(
          new IllegalArgumentException(
              "The name \"" + name + "\" is the control socket's: choose another one."));
    }
    SocketAddress address = listen.getAddress() == null ? ofServer : listen.getAddress();
    if (listeners.open().stream().anyMatch(l -> l.name().equals(name))) {
      return Future.failedFuture(
          new IllegalArgumentException(
              "A server named \"" + name + "\" is deployed already: names are unique."));
    }
    Duration drainTimeout = Duration.ofMillis(listen.getDrainTimeout());
    ListenerSettings settings =
        new ListenerSettings(
            name, listen.isHandover(), drainHandler(name), handoverHandlers.get(name), http, null);
    SocketAddress bind = shareable(address, listen.getInstances());
    return vertx.deployVerticle(
        () -> new ServerVerticle(settings, bind, drainTimeout, factory),
        new DeploymentOptions().setInstances(listen.getInstances()));
  }

  /** Vert.x lets instances share a port that the kernel chooses only under an id. */
  private static SocketAddress shareable(SocketAddress address, int instances) {
    return instances > 1 && address.isInetSocket() && address.port() == 0
        ? SocketAddress.sharedRandomPort(NEXT_SHARED_PORT.getAndIncrement(), address.host())
        : address;
  }

  /** The two things that HTTP and TCP servers have in common here. */
  private record Server(ListenFunction listen, Supplier<Future<Void>> close) {}

  private interface ListenFunction {
    Future<?> apply(SocketAddress address);
  }

  private final class ServerVerticle extends VerticleBase {
    private final ListenerSettings settings;
    private final SocketAddress address;
    private final Duration drainTimeout;
    private final Supplier<Server> factory;
    private Server server;

    ServerVerticle(
        ListenerSettings settings,
        SocketAddress address,
        Duration drainTimeout,
        Supplier<Server> factory) {
      this.settings = settings;
      this.address = address;
      this.drainTimeout = drainTimeout;
      this.factory = factory;
    }

    @Override
    public Future<?> start() {
      settings.applyTo(context);
      server = factory.get();
      return server.listen().apply(address);
    }

    @Override
    public Future<?> stop() {
      // A server that Vert.x closes by itself loses what is in flight: so nothing may be left then.
      return Future.fromCompletionStage(
              listeners.drainAndStop(settings.name(), drainTimeout), context)
          .compose(report -> server.close().get());
    }
  }
}
