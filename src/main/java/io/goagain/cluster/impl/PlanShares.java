package io.goagain.cluster.impl;

import io.goagain.cluster.impl.Step.Phase;
import io.vertx.core.json.JsonObject;

/** What the time of a plan was spent on. */
final class PlanShares {

  private PlanShares() {}

  /**
   * {@code millis} since it was asked for, and of these {@code waiting}: for copies, for settling,
   * and between steps. With several nodes at a time both are sums over the nodes.
   */
  static JsonObject of(Plan plan, long now) {
    long whole = (plan.isActive() ? now : plan.changed()) - plan.asked();
    long work = 0;
    long waiting = 0;
    for (Step step : plan.steps()) {
      for (Phase phase : Phase.values()) {
        long spent = step.millis().getOrDefault(phase, 0L);
        if (phase == step.phase() && phase.isUnderWay()) {
          spent += now - step.since();
        }
        if (phase == Phase.BALANCING || phase == Phase.SETTLING) {
          waiting += spent;
        } else {
          work += spent;
        }
      }
    }
    long between = plan.maxUnavailable() == 1 ? Math.max(0, whole - work - waiting) : 0;
    return new JsonObject()
        .put("millis", whole)
        .put("restarting", work)
        .put("waiting", waiting + between);
  }
}
