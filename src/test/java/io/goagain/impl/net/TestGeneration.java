package io.goagain.impl.net;

import io.goagain.impl.posix.Descriptors;
import io.vertx.core.Context;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.VerticleBase;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.internal.VertxBootstrap;
import io.vertx.core.net.SocketAddress;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * One generation of a program within the process of a test: a Vert.x instance whose servers listen
 * through {@link Listeners} of its own.
 */
final class TestGeneration {

  final Listeners listeners = new Listeners();
  final Vertx vertx;

  private TestGeneration(List<InheritedListener> inherited, boolean acceptAtOnce) {
    listeners.inherit(inherited, acceptAtOnce);
    vertx =
        VertxBootstrap.create()
            .options(new VertxOptions().setEventLoopPoolSize(2).setWorkerPoolSize(2))
            .serviceProviders(List.of(b -> b.transport(AdoptingTransport.create(listeners))))
            .init()
            .vertx();
  }

  /** Accepts at once. */
  static TestGeneration first() {
    return new TestGeneration(List.of(), true);
  }

  /** Accepts when it is told to. */
  static TestGeneration next(InheritedListener... inherited) {
    return new TestGeneration(List.of(inherited), false);
  }

  /** What a successor gets: a descriptor of its own for the same socket. */
  static InheritedListener handDown(Listener listener) throws IOException {
    return InheritedListener.claim(listener.name(), Descriptors.duplicate(listener.descriptor()));
  }

  /** Deploys what listens on a context whose listener has this name, or none if that is null. */
  String deploy(String name, int instances, Function<Context, Future<?>> listen) throws Exception {
    return deploy(name, null, instances, listen);
  }

  private String deploy(
      String name, HttpServerOptions http, int instances, Function<Context, Future<?>> listen)
      throws Exception {
    return await(
        vertx.deployVerticle(
            () ->
                new VerticleBase() {
                  @Override
                  public Future<?> start() {
                    if (name != null) {
                      new ListenerSettings(name, true, Future::succeededFuture, null, http, null)
                          .applyTo(context);
                    }
                    return listen.apply(context);
                  }
                },
            new DeploymentOptions().setInstances(instances)));
  }

  /** Deploys an HTTP server and returns its listener. */
  Listener http(
      String name,
      HttpServerOptions options,
      SocketAddress address,
      Handler<HttpServerRequest> handler)
      throws Exception {
    deploy(
        name,
        options,
        1,
        context -> vertx.createHttpServer(options).requestHandler(handler).listen(address));
    return last();
  }

  /** Deploys an HTTP server that gives the same answer to all. */
  Listener http(String name, SocketAddress address, String answer) throws Exception {
    return http(name, new HttpServerOptions(), address, request -> request.response().end(answer));
  }

  Listener last() {
    List<Listener> open = listeners.open();
    return open.get(open.size() - 1);
  }

  /** By when the acceptor has done all that was asked of it, and seen all that had come. */
  static void settle(Listener listener) throws Exception {
    for (int round = 0; round < 3; round++) {
      listener.channel().eventLoop().submit(() -> {}).get(20, TimeUnit.SECONDS);
    }
  }

  static <T> T await(Future<T> future) throws Exception {
    return future.toCompletionStage().toCompletableFuture().get(20, TimeUnit.SECONDS);
  }

  static java.net.SocketAddress addressOf(Listener listener) {
    return listener.address() instanceof ListenerAddress.Unix unix
        ? UnixDomainSocketAddress.of(unix.path())
        : listener.address().toSocketAddress();
  }

  /** What a new connection is answered. */
  static String get(Listener listener) throws IOException {
    return get(addressOf(listener));
  }

  static String get(java.net.SocketAddress address) throws IOException {
    try (TestClient client = new TestClient(SocketChannel.open(address))) {
      client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      return client.response().body();
    }
  }

  void close() throws Exception {
    await(vertx.close());
  }
}
