package io.goagain.examples.doubled;

import io.goagain.GoAgainServerFactory;
import io.goagain.RestartOptions;
import io.goagain.RestartStrategy;
import io.goagain.examples.Arguments;
import io.goagain.examples.Service;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerOptions;
import java.util.Set;

/**
 * A service that keeps its pid when it restarts, for supervisors that watch one: on SIGUSR2 a
 * stand-in serves while this process executes the program anew.
 */
public final class DoubleExample {

  private DoubleExample() {}

  /** Starts it, and returns. */
  public static void run(Arguments arguments) {
    arguments.allow(Set.of("host", "port"));
    RestartOptions options = Service.begin(arguments);
    Vertx vertx = Vertx.vertx();
    HttpServerOptions http =
        new HttpServerOptions()
            .setHost(arguments.get("host", "127.0.0.1"))
            .setPort(arguments.number("port", 8080));
    if (options.getStrategy() == RestartStrategy.AUTO) {
      options.setStrategy(RestartStrategy.DOUBLE);
    }
    Service.start(
        vertx,
        GoAgainServerFactory.create(vertx)
            .deployHttpServer("public", http, request -> Service.answer(vertx, request)),
        options);
  }
}
