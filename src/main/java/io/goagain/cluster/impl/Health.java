package io.goagain.cluster.impl;

import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** What the application knows about its own well-being. */
public final class Health {

  private final Map<String, Supplier<Future<?>>> checks = new LinkedHashMap<>();

  /** Adds a check; its name must be new. */
  public void add(String name, Supplier<Future<?>> check) {
    if (checks.putIfAbsent(name, check) != null) {
      throw new IllegalArgumentException("There is one named \"" + name + "\" already.");
    }
  }

  /** What is wrong, or null. */
  Future<String> ask() {
    List<Future<String>> answers = new ArrayList<>();
    checks.forEach((name, check) -> answers.add(ask(name, check)));
    return Future.join(answers)
        .map(
            done -> {
              String wrong =
                  String.join(
                      "; ",
                      answers.stream().map(Future::result).filter(r -> !r.isEmpty()).toList());
              return wrong.isEmpty() ? null : wrong;
            });
  }

  private static Future<String> ask(String name, Supplier<Future<?>> check) {
    Future<?> answer;
    try {
      answer = check.get();
    } catch (RuntimeException e) {
      answer = Future.failedFuture(e);
    }
    return answer
        .map(well -> "")
        .otherwise(failure -> "\"%s\": %s".formatted(name, failure.getMessage()));
  }
}
