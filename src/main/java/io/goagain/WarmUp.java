package io.goagain;

import io.goagain.impl.BeforeReady;
import io.vertx.core.Future;
import io.vertx.core.http.HttpServerRequest;

/**
 * What a successor does before it says ready, so that the first real request is not the first one:
 * fill caches, open pools, run what is slow the first time. Given to {@link
 * RestartVerticle#warmUp(String, WarmUp)}.
 *
 * <p>Requests that a successor sends to itself are declared in {@link WarmUpOptions}.
 */
@FunctionalInterface
public interface WarmUp {

  /** The header that marks the requests that a successor sends to itself; its value is "true". */
  String HEADER = "goagain-warm-up";

  /**
   * Called once, on the context of RestartVerticle, when the servers are bound and nothing is
   * accepted yet. The restart waits for the future, {@link RestartOptions#getReadyTimeout} at most;
   * if it fails, {@link WarmUpOptions#getOnFailure} says what becomes of the restart.
   */
  Future<?> run();

  /**
   * Whether this process sends the request to itself, to be warm: the application can keep side
   * effects and metrics out. Unlike {@link #HEADER}, no client can make this up.
   */
  static boolean isWarmUp(HttpServerRequest request) {
    return BeforeReady.isWarmUp(request);
  }
}
