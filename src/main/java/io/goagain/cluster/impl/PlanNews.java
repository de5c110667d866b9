package io.goagain.cluster.impl;

import static java.lang.System.Logger.Level.INFO;

import io.goagain.cluster.ClusterMessages;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.Locale;

/** Publishes, in this process, what has changed in the plan since it was seen last. */
final class PlanNews {

  private static final System.Logger LOG = System.getLogger(PlanNews.class.getName());
  private static final DeliveryOptions LOCAL = new DeliveryOptions().setLocalOnly(true);

  private final Vertx vertx;
  private Plan told;

  PlanNews(Vertx vertx) {
    this.vertx = vertx;
  }

  void tell(Plan plan) {
    Plan before = told != null && told.id().equals(plan.id()) ? told : null;
    if (before != null && before.version() >= plan.version()) {
      return;
    }
    told = plan;
    for (Step step : plan.steps()) {
      Step was = before == null ? null : before.stepOf(step.node());
      if (was == null ? step.phase() != Step.Phase.WAITING : was.phase() != step.phase()) {
        publish(plan, step.toJson().put("type", "step"));
      }
    }
    if (before == null || before.state() != plan.state()) {
      publish(
          plan,
          new JsonObject()
              .put("type", plan.state().name().toLowerCase(Locale.ROOT))
              .put("reason", plan.reason()));
    }
  }

  private void publish(Plan plan, JsonObject event) {
    event.put("plan", plan.id()).put("at", Instant.ofEpochMilli(plan.changed()).toString());
    LOG.log(INFO, "{0}", event);
    vertx.eventBus().publish(ClusterMessages.EVENTS, event, LOCAL);
  }
}
