package io.goagain.cluster.impl;

import io.vertx.core.json.JsonObject;
import java.time.Instant;

/**
 * What one process says of itself in the cluster. Nobody else writes it.
 *
 * @param node the node that the process belongs to; its successor belongs to the same
 * @param member the process's member in Hazelcast
 * @param host where it runs, as the others reach it
 * @param version of the program, or null
 * @param state of its {@code goagain.status}, or LEAVING
 * @param generationsPerRestart 2 in the strategy double, where a stand-in is one of them
 * @param sick what is wrong with it, or null
 * @param errors how many requests it has answered with 500 or more
 * @param since when it got into that state
 * @param order the order that it took last, or null
 */
record Entry(
    String node,
    String member,
    String host,
    long pid,
    int generation,
    String version,
    String state,
    int generationsPerRestart,
    String sick,
    long errors,
    long since,
    Order order) {

  static final String LEAVING = "LEAVING";

  /** What became of an order. */
  enum Outcome {
    TAKEN,
    RESTARTED,
    FAILED
  }

  /**
   * An order of a plan to this process.
   *
   * @param plan the plan's id
   * @param failure the name of a {@link io.goagain.RestartFailure}, or null
   */
  record Order(String plan, Outcome outcome, String failure, String reason) {

    JsonObject toJson() {
      JsonObject json = new JsonObject().put("plan", plan).put("outcome", outcome.name());
      return failure == null ? json : json.put("failure", failure).put("reason", reason);
    }

    static Order of(JsonObject json) {
      return json == null
          ? null
          : new Order(
              json.getString("plan"),
              Outcome.valueOf(json.getString("outcome")),
              json.getString("failure"),
              json.getString("reason"));
    }
  }

  boolean isServing() {
    return state.equals("SERVING");
  }

  /** What became of the order of this plan, or null. */
  Order orderOf(String plan) {
    return order != null && order.plan().equals(plan) ? order : null;
  }

  JsonObject toJson() {
    JsonObject json =
        new JsonObject()
            .put("node", node)
            .put("member", member)
            .put("host", host)
            .put("pid", pid)
            .put("generation", generation)
            .put("version", version)
            .put("state", state)
            .put("generationsPerRestart", generationsPerRestart)
            .put("healthy", sick == null)
            .put("errors", errors)
            .put("since", Instant.ofEpochMilli(since).toString());
    if (sick != null) {
      json.put("sick", sick);
    }
    return order == null ? json : json.put("order", order.toJson());
  }

  static Entry of(JsonObject json) {
    return new Entry(
        json.getString("node"),
        json.getString("member"),
        json.getString("host"),
        json.getLong("pid"),
        json.getInteger("generation"),
        json.getString("version"),
        json.getString("state"),
        json.getInteger("generationsPerRestart"),
        json.getString("sick"),
        json.getLong("errors", 0L),
        Instant.parse(json.getString("since")).toEpochMilli(),
        Order.of(json.getJsonObject("order")));
  }
}
