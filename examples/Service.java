package io.goagain.examples;

import io.goagain.Generation;
import io.goagain.RestartMessages;
import io.goagain.RestartOptions;
import io.goagain.RestartVerticle;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.json.JsonObject;
import java.util.function.Supplier;

/** What the examples have in common: how they begin, and what they answer. */
public final class Service {

  private Service() {}

  /**
   * First in every example, before there is a Vert.x instance: if another process serves on the
   * control socket, this one becomes its successor.
   */
  public static RestartOptions begin(Arguments arguments) {
    RestartOptions options = arguments.restartOptions();
    RestartVerticle.takeOver(options);
    return options;
  }

  /** Deploys RestartVerticle when the servers are deployed, and prints what listens. */
  public static void start(Vertx vertx, Future<?> servers, RestartOptions options) {
    start(vertx, servers, new RestartVerticle(options), Future::succeededFuture);
  }

  /** The same, with something that comes when this process serves. */
  public static void start(
      Vertx vertx, Future<?> servers, RestartVerticle restart, Supplier<Future<?>> then) {
    servers
        .compose(
            deployed ->
                // Last: this says ready, and from then on the servers accept.
                vertx.deployVerticle(restart))
        .compose(deployed -> then.get())
        .compose(deployed -> vertx.eventBus().<JsonObject>request(RestartMessages.STATUS, null))
        .onComplete(
            status -> {
              // In one piece: the generations share this stream.
              System.out.println(
                  "ready generation=%d pid=%d".formatted(own().number(), own().pid()));
              for (Object listener : status.body().getJsonArray("listeners")) {
                JsonObject json = (JsonObject) listener;
                System.out.println(
                    "listening " + json.getString("name") + " " + json.getString("address"));
              }
            },
            Service::failed);
  }

  /** A successor that cannot start says so by its exit: its predecessor goes on. */
  public static void failed(Throwable failure) {
    System.err.println("could not start: " + failure);
    System.exit(1);
  }

  private static Generation own() {
    return Generation.current();
  }

  /** GET / tells who answers, GET /slow?millis=N takes its time, POST /echo gives back the body. */
  public static void answer(Vertx vertx, HttpServerRequest request) {
    switch (request.path()) {
      case "/" ->
          request
              .response()
              .end("hello generation=%d pid=%d\n".formatted(own().number(), own().pid()));
      case "/slow" -> {
        String millis = request.getParam("millis", "1000");
        vertx.setTimer(
            Math.max(1, Long.parseLong(millis)),
            id -> request.response().end("slow " + millis + "\n"));
      }
      case "/echo" -> {
        if (request.method().equals(HttpMethod.POST)) {
          request.body().onSuccess(body -> request.response().end(body));
        } else {
          request.response().setStatusCode(405).end();
        }
      }
      default -> request.response().setStatusCode(404).end();
    }
  }
}
