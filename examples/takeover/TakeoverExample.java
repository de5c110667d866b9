package io.goagain.examples.takeover;

import io.goagain.GoAgainServerFactory;
import io.goagain.RestartOptions;
import io.goagain.RestartVerticle;
import io.goagain.examples.Arguments;
import io.goagain.examples.Service;
import io.goagain.health.GoAgainHealth;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.ext.healthchecks.CheckResult;
import io.vertx.ext.healthchecks.HealthChecks;
import java.util.Set;

/**
 * A service that is replaced by whatever is started next with the same control socket: by the next
 * container, by another unit of systemd, or by hand. The socket is {@code --control-socket}, or
 * {@code takeover.sock} in the runtime directory. {@code /live} and {@code /ready} tell its health.
 */
public final class TakeoverExample {

  private TakeoverExample() {}

  /** Starts it, and returns. */
  public static void run(Arguments arguments) {
    arguments.allow(Set.of("host", "port"));
    RestartOptions options = arguments.restartOptions();
    if (options.getControlSocket() == null) {
      options.setControlSocket("${runtime}/takeover.sock");
    }
    // Before anything of Vert.x: from here on this process has what the one before it listened on.
    RestartVerticle.takeOver(options);

    Vertx vertx = Vertx.vertx();
    HttpServerOptions http =
        new HttpServerOptions()
            .setHost(arguments.get("host", "127.0.0.1"))
            .setPort(arguments.number("port", 8080));
    HealthChecks live = HealthChecks.create(vertx).register("live", GoAgainHealth.liveness());
    HealthChecks ready = HealthChecks.create(vertx).register("ready", GoAgainHealth.readiness());
    Service.start(
        vertx,
        GoAgainServerFactory.create(vertx)
            .deployHttpServer(
                "public",
                http,
                request -> {
                  switch (request.path()) {
                    case "/live" -> answer(live, request);
                    case "/ready" -> answer(ready, request);
                    default -> Service.answer(vertx, request);
                  }
                }),
        options);
  }

  private static void answer(HealthChecks checks, HttpServerRequest request) {
    checks
        .checkStatus()
        .onSuccess(
            result ->
                request
                    .response()
                    .setStatusCode(CheckResult.isUp(result) ? 200 : 503)
                    .end(result.toJson().encode() + "\n"));
  }
}
