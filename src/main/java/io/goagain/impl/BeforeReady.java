package io.goagain.impl;

import static java.lang.System.Logger.Level.WARNING;

import io.goagain.RestartFailure;
import io.goagain.RestartOptions;
import io.goagain.WarmUp;
import io.goagain.WarmUpOptions.OnFailure;
import io.goagain.impl.net.Listeners;
import io.goagain.impl.net.PrivateDoor;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerRequest;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * What a successor does between adopting its listeners and ready: the application's warm-ups, one
 * after the other, then the declared requests, then the readiness checks.
 */
public final class BeforeReady {

  private static final System.Logger LOG = System.getLogger(BeforeReady.class.getName());
  private static final long RETRY_MILLIS = 200;

  private final Map<String, WarmUp> warmUps = new LinkedHashMap<>();
  private final Map<String, Supplier<Future<?>>> checks = new LinkedHashMap<>();

  /** Whether this process has sent the request to itself. */
  public static boolean isWarmUp(HttpServerRequest request) {
    return PrivateDoor.isBehind(request.connection().localAddress());
  }

  public void warmUp(String name, WarmUp warmUp) {
    add(warmUps, name, warmUp);
  }

  public void check(String name, Supplier<Future<?>> check) {
    add(checks, name, check);
  }

  private static <T> void add(Map<String, T> all, String name, T one) {
    if (all.putIfAbsent(name, one) != null) {
      throw new IllegalArgumentException("There is one named \"" + name + "\" already.");
    }
  }

  /**
   * Runs all of it on the current context. The future fails with a {@link RestartException}.
   *
   * @param doing told what is waited for from now on
   */
  Future<Void> run(
      Vertx vertx, RestartOptions options, Listeners listeners, Consumer<String> doing) {
    Future<Void> done = Future.succeededFuture();
    for (Map.Entry<String, WarmUp> entry : warmUps.entrySet()) {
      String name = "the warm-up \"" + entry.getKey() + "\"";
      done =
          done.compose(
              before -> {
                doing.accept(name);
                return call(entry.getValue()::run)
                    .recover(failure -> warmUpFailed(options, name + " failed: " + failure));
              });
    }
    if (!options.getWarmUp().getRequests().isEmpty()) {
      done =
          done.compose(
              before -> {
                doing.accept("the warm-up requests");
                return new WarmUpRequests(vertx, listeners, options.getWarmUp())
                    .run()
                    .recover(failure -> warmUpFailed(options, failure.getMessage()));
              });
    }
    for (Map.Entry<String, Supplier<Future<?>>> entry : checks.entrySet()) {
      done =
          done.compose(
              before -> {
                doing.accept("the readiness check \"" + entry.getKey() + "\"");
                long limit = TimeUnit.MILLISECONDS.toNanos(options.getReadinessTimeout());
                return passes(vertx, entry.getKey(), entry.getValue(), System.nanoTime(), limit);
              });
    }
    return done;
  }

  private static Future<Void> call(Supplier<Future<?>> handler) {
    try {
      return handler.get().mapEmpty();
    } catch (RuntimeException e) {
      return Future.failedFuture(e);
    }
  }

  private static Future<Void> warmUpFailed(RestartOptions options, String what) {
    if (options.getWarmUp().getOnFailure() == OnFailure.LOG) {
      LOG.log(WARNING, "{0}; onFailure says to go on", what);
      return Future.succeededFuture();
    }
    return Future.failedFuture(new RestartException(RestartFailure.WARM_UP_FAILED, what));
  }

  /** What fails now may be about to come up: a pool that connects, a cache that fills. */
  private static Future<Void> passes(
      Vertx vertx, String name, Supplier<Future<?>> check, long begun, long limit) {
    return call(check)
        .recover(
            failure -> {
              if (System.nanoTime() - begun >= limit) {
                return Future.failedFuture(
                    new RestartException(
                        RestartFailure.UNHEALTHY,
                        "the readiness check \"%s\" failed: %s"
                            .formatted(name, failure.getMessage())));
              }
              Promise<Void> later = Promise.promise();
              vertx.setTimer(
                  RETRY_MILLIS, id -> passes(vertx, name, check, begun, limit).onComplete(later));
              return later.future();
            });
  }
}
