package io.goagain.process;

import io.goagain.GoAgainServerFactory;
import io.goagain.RestartVerticle;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerRequest;
import java.io.BufferedReader;
import java.io.FileReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/**
 * A service that has what its predecessor listens on, and then waits at the gate that the system
 * property {@code gate} names before it deploys its servers. Runs in processes under test.
 */
public final class GatedPart implements TestProgram.Part {
  private Vertx vertx;

  @Override
  public void prepare(Vertx vertx, GoAgainServerFactory servers) {
    this.vertx = vertx;
    String gate = System.getProperty("gate");
    if (gate == null) {
      return;
    }
    TestProgram.say("waits at the gate");
    try (BufferedReader line =
        new BufferedReader(new FileReader(gate, StandardCharsets.US_ASCII))) {
      TestProgram.say("went through the gate: %s", line.readLine());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void beforeReady(RestartVerticle verticle) {
    verticle.readiness(
        "says so",
        () -> {
          TestProgram.say("is about to be ready");
          return Future.succeededFuture();
        });
  }

  /** What the load of the tests asks for. */
  @Override
  public void handle(HttpServerRequest request) {
    long millis = Long.parseLong(request.getParam("millis", "1"));
    vertx.setTimer(millis, id -> request.response().end("slow " + millis + "\n"));
  }
}
