package io.goagain.impl;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * The last restarts of a service, over its generations: each passes on what it knows. Confined to
 * the restarter's context.
 */
final class History {

  static final int LIMIT = 50;

  private final List<JsonObject> restarts = new ArrayList<>();

  /** Adds a restart, or replaces what was known of it. */
  void put(JsonObject restart) {
    for (int i = 0; i < restarts.size(); i++) {
      if (isSame(restarts.get(i), restart)) {
        restarts.set(i, restart);
        return;
      }
    }
    restarts.add(restart);
    if (restarts.size() > LIMIT) {
      restarts.remove(0);
    }
  }

  void putAll(JsonArray others) {
    for (int i = 0; i < others.size(); i++) {
      put(others.getJsonObject(i));
    }
  }

  private static boolean isSame(JsonObject one, JsonObject other) {
    return Objects.equals(one.getValue("at"), other.getValue("at")) && pid(one) == pid(other);
  }

  /** A Long here is an Integer when it comes back over the line. */
  private static long pid(JsonObject restart) {
    return restart.getValue("predecessorPid") instanceof Number number ? number.longValue() : 0;
  }

  /** Oldest first. */
  JsonArray toJson() {
    JsonArray copy = new JsonArray();
    restarts.forEach(restart -> copy.add(restart.copy()));
    return copy;
  }
}
