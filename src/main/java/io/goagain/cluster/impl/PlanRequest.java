package io.goagain.cluster.impl;

import io.goagain.cluster.impl.Plan.State;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What {@code goagain.cluster.restart} is asked, once it is known to make sense. */
final class PlanRequest {

  static final int DEFAULT_MAX_UNAVAILABLE = 1;
  static final long DEFAULT_SETTLE_MILLIS = 2_000;
  static final long DEFAULT_STEP_TIMEOUT = 300_000;

  private int maxUnavailable = DEFAULT_MAX_UNAVAILABLE;
  private boolean goesOn;
  private long settleMillis = DEFAULT_SETTLE_MILLIS;
  private long stepTimeout = DEFAULT_STEP_TIMEOUT;
  private boolean dryRun;
  private List<String> order;
  private List<String> nodes;

  private PlanRequest() {}

  /**
   * Reads one; null asks for the defaults.
   *
   * @throws IllegalArgumentException if a field is unknown or has a value that it cannot have; its
   *     message names the field
   */
  static PlanRequest of(JsonObject json) {
    PlanRequest request = new PlanRequest();
    if (json != null) {
      for (Map.Entry<String, Object> field : json) {
        request.set(field.getKey(), field.getValue());
      }
    }
    return request;
  }

  private void set(String name, Object value) {
    try {
      switch (name) {
        case "maxUnavailable" -> maxUnavailable = (int) atLeast(1, value);
        case "order" -> order = value.equals("oldest first") ? null : names(value);
        case "onFailure" -> goesOn = goesOn((String) value);
        case "settleMillis" -> settleMillis = atLeast(0, value);
        case "stepTimeout" -> stepTimeout = atLeast(1, value);
        case "dryRun" -> dryRun = (Boolean) value;
        case "nodes" -> nodes = names(value);
        default ->
            throw new IllegalArgumentException(
                "there is no field of that name; there are maxUnavailable, order, onFailure,"
                    + " settleMillis, stepTimeout, dryRun and nodes");
      }
    } catch (ClassCastException | NullPointerException e) {
      throw new IllegalArgumentException("\"%s\" cannot be %s".formatted(name, value), e);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("\"%s\": %s".formatted(name, e.getMessage()), e);
    }
  }

  private static long atLeast(long least, Object value) {
    long number = ((Number) value).longValue();
    if (number < least || number > Integer.MAX_VALUE || number != ((Number) value).doubleValue()) {
      throw new IllegalArgumentException(
          "must be a whole number from %d on, is %s".formatted(least, value));
    }
    return number;
  }

  private static boolean goesOn(String onFailure) {
    return switch (onFailure) {
      case "abort" -> false;
      case "continue" -> true;
      default ->
          throw new IllegalArgumentException(
              "must be \"abort\" or \"continue\", is \"" + onFailure + "\"");
    };
  }

  private static List<String> names(Object value) {
    Set<String> names = new LinkedHashSet<>();
    for (Object name : (JsonArray) value) {
      if (!names.add((String) name)) {
        throw new IllegalArgumentException("names \"%s\" twice".formatted(name));
      }
    }
    if (names.isEmpty()) {
      throw new IllegalArgumentException("names no node");
    }
    return List.copyOf(names);
  }

  boolean isDryRun() {
    return dryRun;
  }

  /**
   * The plan for the cluster as it is.
   *
   * @throws IllegalArgumentException if the request does not fit the cluster; its message names the
   *     field
   */
  Plan toPlan(View view, String id, String askedOf, long version, long now) {
    List<String> all = List.copyOf(view.nodes());
    known("nodes", nodes, all);
    known("order", order, all);
    List<String> targets = nodes == null ? oldestFirst(view) : inOrderOfAge(view);
    if (order != null) {
      if (nodes != null && !Set.copyOf(nodes).equals(Set.copyOf(order))) {
        throw new IllegalArgumentException("\"order\": must name those of \"nodes\", each once");
      }
      if (nodes == null && order.size() != all.size()) {
        throw new IllegalArgumentException(
            "\"order\": must name all nodes, which are %s, or those in \"nodes\"".formatted(all));
      }
      targets = order;
    }
    if (all.size() > 1 && maxUnavailable >= all.size()) {
      throw new IllegalArgumentException(
          "\"maxUnavailable\": must be less than the number of nodes, which is " + all.size());
    }
    return new Plan(
        version,
        id,
        State.RUNNING,
        maxUnavailable,
        goesOn,
        settleMillis,
        stepTimeout,
        all,
        targets.stream().map(node -> Step.waiting(node, now)).toList(),
        Map.of(),
        null,
        now,
        askedOf,
        now,
        askedOf);
  }

  private static void known(String field, List<String> names, List<String> all) {
    if (names != null) {
      for (String name : names) {
        if (!all.contains(name)) {
          throw new IllegalArgumentException(
              "\"%s\": there is no node \"%s\"; there are %s".formatted(field, name, all));
        }
      }
    }
  }

  private List<String> inOrderOfAge(View view) {
    return oldestFirst(view).stream().filter(nodes::contains).toList();
  }

  /** The oldest of all goes last: it coordinates until then. */
  private static List<String> oldestFirst(View view) {
    List<String> byAge =
        new ArrayList<>(view.entries().stream().map(Entry::node).distinct().toList());
    byAge.add(byAge.remove(0));
    return byAge;
  }
}
