package io.goagain.cluster.impl;

import io.vertx.core.json.JsonObject;
import java.util.Map;
import java.util.TreeMap;

/**
 * The restart of one node in a plan. Times are of the wall clock, in milliseconds.
 *
 * @param node the node's name
 * @param phase how far it is
 * @param since when the phase began
 * @param begun when the order was given; 0 before
 * @param member the member that the order is for: no other process takes it
 * @param pid that member's process
 * @param generation that process's generation
 * @param aim the generation that is to serve in the end
 * @param successorPid the process that serves then; 0 until it is known
 * @param errors how many requests that process had answered with 500 or more at the begin of the
 *     phase SETTLING
 * @param failure why it failed: a name of {@link io.goagain.RestartFailure} or {@link Trouble}
 * @param failedIn the phase in which it failed
 * @param reason the failure in a sentence
 * @param millis the time that each phase took
 */
record Step(
    String node,
    Phase phase,
    long since,
    long begun,
    String member,
    long pid,
    int generation,
    int aim,
    long successorPid,
    long errors,
    String failure,
    Phase failedIn,
    String reason,
    Map<Phase, Long> millis) {

  /** What a step waits for. */
  enum Phase {
    /** For its turn. */
    WAITING(false),
    /** For the node, which is to take the order. */
    ORDERED(true),
    /** For the node, which restarts. */
    RESTARTING(true),
    /** For the successor, which serves, to be in the cluster. */
    JOINING(true),
    /** For the predecessor to leave the cluster. */
    LEAVING(true),
    /** For the cluster to have all its copies again. */
    BALANCING(true),
    /** For the node to have been well for a while. */
    SETTLING(true),
    DONE(false),
    FAILED(false),
    /** For nothing: the plan has ended before its turn. */
    UNTOUCHED(false);

    private final boolean underWay;

    Phase(boolean underWay) {
      this.underWay = underWay;
    }

    boolean isUnderWay() {
      return underWay;
    }
  }

  /** What can go wrong with a step besides the restart itself. */
  enum Trouble {
    /** No process of the node is in the cluster. */
    VANISHED,
    /** The node does not take the order, or does not come to the end of a phase. */
    STEP_TIMEOUT,
    /** The node serves and is not well. */
    UNHEALTHY
  }

  static Step waiting(String node, long now) {
    return new Step(node, Phase.WAITING, now, 0, null, 0, 0, 0, 0, 0, null, null, null, Map.of());
  }

  boolean isUnderWay() {
    return phase.isUnderWay();
  }

  Step enter(Phase next, long now) {
    Map<Phase, Long> spent = new TreeMap<>(millis);
    if (phase.isUnderWay()) {
      spent.merge(phase, Math.max(0, now - since), Long::sum);
    }
    return new Step(
        node,
        next,
        now,
        begun,
        member,
        pid,
        generation,
        aim,
        successorPid,
        errors,
        failure,
        failedIn,
        reason,
        spent);
  }

  Step order(Entry target, long now) {
    return new Step(
        node,
        Phase.ORDERED,
        now,
        now,
        target.member(),
        target.pid(),
        target.generation(),
        target.generation() + target.generationsPerRestart(),
        0,
        0,
        null,
        null,
        null,
        Map.of());
  }

  Step succeededBy(long successor) {
    return new Step(
        node,
        phase,
        since,
        begun,
        member,
        pid,
        generation,
        aim,
        successor,
        errors,
        failure,
        failedIn,
        reason,
        millis);
  }

  /** Begins to settle, or begins that again. */
  Step settle(long errorsBefore, long now) {
    Step next = enter(Phase.SETTLING, now);
    return new Step(
        node,
        next.phase,
        now,
        begun,
        member,
        pid,
        generation,
        aim,
        successorPid,
        errorsBefore,
        failure,
        failedIn,
        reason,
        next.millis);
  }

  Step fail(String why, String sentence, long now) {
    Step failed = enter(Phase.FAILED, now);
    return new Step(
        node,
        failed.phase,
        now,
        begun,
        member,
        pid,
        generation,
        aim,
        successorPid,
        errors,
        why,
        phase,
        sentence,
        failed.millis);
  }

  JsonObject toJson() {
    JsonObject spent = new JsonObject();
    millis.forEach((in, time) -> spent.put(in.name(), time));
    JsonObject json =
        new JsonObject().put("node", node).put("phase", phase.name()).put("since", since);
    if (begun != 0) {
      json.put("begun", begun)
          .put("member", member)
          .put("pid", pid)
          .put("generation", generation)
          .put("aim", aim);
    }
    if (successorPid != 0) {
      json.put("successorPid", successorPid).put("errors", errors);
    }
    if (failure != null) {
      json.put("failure", failure)
          .put("failedIn", failedIn == null ? null : failedIn.name())
          .put("reason", reason);
    }
    return json.put("millis", spent);
  }

  static Step of(JsonObject json) {
    Map<Phase, Long> spent = new TreeMap<>();
    for (Map.Entry<String, Object> entry : json.getJsonObject("millis")) {
      spent.put(Phase.valueOf(entry.getKey()), ((Number) entry.getValue()).longValue());
    }
    String failedIn = json.getString("failedIn");
    return new Step(
        json.getString("node"),
        Phase.valueOf(json.getString("phase")),
        json.getLong("since"),
        json.getLong("begun", 0L),
        json.getString("member"),
        json.getLong("pid", 0L),
        json.getInteger("generation", 0),
        json.getInteger("aim", 0),
        json.getLong("successorPid", 0L),
        json.getLong("errors", 0L),
        json.getString("failure"),
        failedIn == null ? null : Phase.valueOf(failedIn),
        json.getString("reason"),
        spent);
  }
}
