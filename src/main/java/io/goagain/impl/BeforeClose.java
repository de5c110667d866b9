package io.goagain.impl;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** What the application awaits between the end of the drain and the end of Vert.x. */
public final class BeforeClose {

  private static final System.Logger LOG = System.getLogger(BeforeClose.class.getName());

  private final Map<String, Supplier<Future<?>>> actions = new LinkedHashMap<>();

  public void add(String name, Supplier<Future<?>> action) {
    if (actions.putIfAbsent(name, action) != null) {
      throw new IllegalArgumentException("There is one named \"" + name + "\" already.");
    }
  }

  boolean isEmpty() {
    return actions.isEmpty();
  }

  /** Begins all of them on the current context. Never fails: the process leaves in any case. */
  Future<Void> run(Vertx vertx, long limitMillis) {
    if (actions.isEmpty()) {
      return Future.succeededFuture();
    }
    List<Future<?>> all = new ArrayList<>();
    actions.forEach((name, action) -> all.add(begin(name, action)));
    Promise<Void> over = Promise.promise();
    long timer =
        vertx.setTimer(
            Math.max(1, limitMillis),
            id -> {
              if (over.tryComplete()) {
                LOG.log(WARNING, "what is to be done before Vert.x is closed took too long");
              }
            });
    Future.join(all)
        .onComplete(
            done -> {
              vertx.cancelTimer(timer);
              over.tryComplete();
            });
    return over.future();
  }

  private static Future<?> begin(String name, Supplier<Future<?>> action) {
    LOG.log(INFO, "before Vert.x is closed: {0}", name);
    try {
      return action
          .get()
          .onFailure(failure -> LOG.log(WARNING, "\"" + name + "\" failed", failure));
    } catch (RuntimeException e) {
      LOG.log(WARNING, "\"" + name + "\" failed", e);
      return Future.succeededFuture();
    }
  }
}
