package io.goagain.benchmark;

import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import java.util.concurrent.TimeUnit;

/**
 * What the example {@code single} answers, from a Vert.x server without the library. SIGTERM ends
 * it as Vert.x itself provides.
 */
public final class PlainServer {
  private PlainServer() {}

  /** Arguments: the port, whether to share it, and the generation to answer with. */
  public static void main(String[] args) {
    Vertx vertx = Vertx.vertx(new VertxOptions().setPreferNativeTransport(true));
    String answer = "hello generation=" + args[2] + " pid=" + ProcessHandle.current().pid() + "\n";
    HttpServer server =
        vertx
            .createHttpServer(
                new HttpServerOptions()
                    .setHost("127.0.0.1")
                    .setPort(Integer.parseInt(args[0]))
                    .setReusePort(Boolean.parseBoolean(args[1])))
            .requestHandler(request -> request.response().end(answer));
    server
        .listen()
        .onComplete(
            listening -> System.out.println(answer.replace("hello", "ready").strip()),
            failure -> {
              System.err.println("could not start: " + failure);
              System.exit(1);
            });
    Runtime.getRuntime().addShutdownHook(new Thread(() -> shutdown(vertx, server), "shutdown"));
  }

  private static void shutdown(Vertx vertx, HttpServer server) {
    try {
      server.shutdown(5, TimeUnit.SECONDS).await(10, TimeUnit.SECONDS);
      vertx.close().await(10, TimeUnit.SECONDS);
    } catch (Exception e) {
      System.err.println("shutdown: " + e);
    }
  }
}
