package io.goagain.cluster.impl;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A rolling restart: what was asked for and how far it is. A value: whoever changes it replaces the
 * one that it has seen by one with the next version, or finds that somebody was faster.
 *
 * @param version counts changes
 * @param nodes all nodes that there were when it was asked for, also those that it leaves alone
 * @param missing the nodes of which no process is seen, and since when
 * @param reason why it does not go on to the next step, or null
 * @param asked when it was asked for
 * @param askedOf the node that was asked
 * @param changed when it was changed last
 * @param coordinator the node that changed it last
 */
record Plan(
    long version,
    String id,
    State state,
    int maxUnavailable,
    boolean goesOn,
    long settleMillis,
    long stepTimeout,
    List<String> nodes,
    List<Step> steps,
    Map<String, Long> missing,
    String reason,
    long asked,
    String askedOf,
    long changed,
    String coordinator) {

  /** How far a plan is. */
  enum State {
    RUNNING,
    /** No further step is begun; those that are under way are waited for. */
    STOPPING,
    COMPLETED,
    ABORTED
  }

  boolean isActive() {
    return state == State.RUNNING || state == State.STOPPING;
  }

  List<Step> underWay() {
    return steps.stream().filter(Step::isUnderWay).toList();
  }

  boolean isUnderWay(String node) {
    return steps.stream().anyMatch(step -> step.isUnderWay() && step.node().equals(node));
  }

  Step stepOf(String node) {
    return steps.stream().filter(step -> step.node().equals(node)).findFirst().orElse(null);
  }

  Plan with(State next, String why) {
    return new Plan(
        version,
        id,
        next,
        maxUnavailable,
        goesOn,
        settleMillis,
        stepTimeout,
        nodes,
        steps,
        missing,
        why,
        asked,
        askedOf,
        changed,
        coordinator);
  }

  Plan with(List<Step> next) {
    return new Plan(
        version,
        id,
        state,
        maxUnavailable,
        goesOn,
        settleMillis,
        stepTimeout,
        nodes,
        next,
        missing,
        reason,
        asked,
        askedOf,
        changed,
        coordinator);
  }

  Plan with(Step changedStep) {
    List<Step> next = new ArrayList<>(steps);
    next.replaceAll(step -> step.node().equals(changedStep.node()) ? changedStep : step);
    return with(List.copyOf(next));
  }

  Plan withMissing(Map<String, Long> next) {
    return new Plan(
        version,
        id,
        state,
        maxUnavailable,
        goesOn,
        settleMillis,
        stepTimeout,
        nodes,
        steps,
        next,
        reason,
        asked,
        askedOf,
        changed,
        coordinator);
  }

  /** The one to replace this one by. */
  Plan changedBy(String node, long now) {
    return new Plan(
        version + 1,
        id,
        state,
        maxUnavailable,
        goesOn,
        settleMillis,
        stepTimeout,
        nodes,
        steps,
        missing,
        reason,
        asked,
        askedOf,
        now,
        node);
  }

  JsonObject toJson() {
    JsonArray all = new JsonArray();
    steps.forEach(step -> all.add(step.toJson()));
    JsonObject gone = new JsonObject();
    missing.forEach((node, since) -> gone.put(node, Instant.ofEpochMilli(since).toString()));
    return new JsonObject()
        .put("id", id)
        .put("version", version)
        .put("state", state.name())
        .put("reason", reason)
        .put("asked", Instant.ofEpochMilli(asked).toString())
        .put("askedOf", askedOf)
        .put("changed", Instant.ofEpochMilli(changed).toString())
        .put("coordinator", coordinator)
        .put("maxUnavailable", maxUnavailable)
        .put("onFailure", goesOn ? "continue" : "abort")
        .put("settleMillis", settleMillis)
        .put("stepTimeout", stepTimeout)
        .put("nodes", new JsonArray(new ArrayList<>(nodes)))
        .put("missing", gone)
        .put("steps", all);
  }

  static Plan of(JsonObject json) {
    List<Step> all = new ArrayList<>();
    for (Object step : json.getJsonArray("steps")) {
      all.add(Step.of((JsonObject) step));
    }
    Map<String, Long> gone = new TreeMap<>();
    for (Map.Entry<String, Object> entry : json.getJsonObject("missing")) {
      gone.put(entry.getKey(), Instant.parse((String) entry.getValue()).toEpochMilli());
    }
    List<String> names = new ArrayList<>();
    json.getJsonArray("nodes").forEach(name -> names.add((String) name));
    return new Plan(
        json.getLong("version"),
        json.getString("id"),
        State.valueOf(json.getString("state")),
        json.getInteger("maxUnavailable"),
        json.getString("onFailure").equals("continue"),
        json.getLong("settleMillis"),
        json.getLong("stepTimeout"),
        List.copyOf(names),
        List.copyOf(all),
        gone,
        json.getString("reason"),
        Instant.parse(json.getString("asked")).toEpochMilli(),
        json.getString("askedOf"),
        Instant.parse(json.getString("changed")).toEpochMilli(),
        json.getString("coordinator"));
  }
}
