package io.goagain.cluster.impl;

import static java.lang.System.Logger.Level.INFO;

import io.goagain.RestartFailure;
import io.goagain.RestartMessages;
import io.goagain.cluster.ClusterOptions;
import io.goagain.cluster.impl.Entry.Order;
import io.goagain.cluster.impl.Entry.Outcome;
import io.goagain.cluster.impl.Step.Phase;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.ReplyException;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.HashSet;
import java.util.Objects;
import java.util.Set;

/** What this process tells of itself, and how it obeys. On the context of its service. */
final class OwnNode {

  private static final System.Logger LOG = System.getLogger(OwnNode.class.getName());

  private final Vertx vertx;
  private final ClusterOptions options;
  private final Board board;
  private final Health health;
  private final Runnable changed;

  /** The plans that have ordered a restart of this process: none does so twice. */
  private final Set<String> obeyed = new HashSet<>();

  private volatile Entry entry;
  private String node;
  private Order order;
  private boolean leaving;

  OwnNode(Vertx vertx, ClusterOptions options, Board board, Health health, Runnable changed) {
    this.vertx = vertx;
    this.options = options;
    this.board = board;
    this.health = health;
    this.changed = changed;
  }

  /** As of the last {@link #refresh}. From any thread. */
  Entry entry() {
    return entry;
  }

  void leaves() {
    leaving = true;
  }

  Future<Void> refresh() {
    return Future.all(
            vertx
                .eventBus()
                .<JsonObject>request(
                    RestartMessages.STATUS, null, new DeliveryOptions().setLocalOnly(true)),
            health.ask())
        .map(
            both -> {
              update(
                  both.<io.vertx.core.eventbus.Message<JsonObject>>resultAt(0).body(),
                  both.resultAt(1));
              return null;
            });
  }

  private void update(JsonObject status, String sick) {
    if (node == null) {
      node = name(status);
    }
    noticeLost(status.getJsonObject("lastRestart"));
    String state = leaving ? Entry.LEAVING : status.getString("state");
    boolean sameState = entry != null && entry.state().equals(state);
    entry =
        new Entry(
            node,
            board.self(),
            board.host(),
            status.getLong("pid"),
            status.getInteger("generation"),
            options.getVersion(),
            state,
            status.getString("strategy").equals("double") ? 2 : 1,
            sick,
            status.getLong("errors"),
            sameState ? entry.since() : System.currentTimeMillis(),
            order);
  }

  private String name(JsonObject status) {
    if (options.getNode() != null) {
      return options.getNode();
    }
    JsonArray listeners = status.getJsonArray("listeners");
    for (Object listener : listeners) {
      JsonObject json = (JsonObject) listener;
      if (json.getString("kind").equals("tcp")) {
        String address = json.getString("address");
        return board.host() + address.substring(address.lastIndexOf(':'));
      }
    }
    throw new IllegalStateException(
        "This node has no TCP listener to be named by: set the option \"node\" of ClusterOptions.");
  }

  /** A successor that was ready may be lost: that is told later, and not by the reply. */
  private void noticeLost(JsonObject lastRestart) {
    if (order != null && order.outcome() == Outcome.RESTARTED && lastRestart != null) {
      String outcome = lastRestart.getString("outcome");
      if (!outcome.equals("OK")) {
        order = new Order(order.plan(), Outcome.FAILED, outcome, lastRestart.getString("reason"));
      }
    }
  }

  /**
   * Takes the order that the plan has for this very process, once.
   *
   * @return whether there was one
   */
  boolean obey(Plan plan) {
    Step step = plan.stepOf(node);
    if (step == null
        || step.phase() != Phase.ORDERED
        || !Objects.equals(step.member(), board.self())
        || step.pid() != entry.pid()
        || step.generation() != entry.generation()
        || !obeyed.add(plan.id())) {
      return false;
    }
    LOG.log(INFO, "plan {0}: this process, {1}, restarts", plan.id(), Long.toString(entry.pid()));
    order = new Order(plan.id(), Outcome.TAKEN, null, null);
    vertx
        .eventBus()
        .<JsonObject>request(
            RestartMessages.RESTART,
            null,
            new DeliveryOptions().setLocalOnly(true).setSendTimeout(plan.stepTimeout()))
        .onComplete(
            reply -> order = new Order(plan.id(), Outcome.RESTARTED, null, null),
            failure -> order = failed(plan, failure))
        .onComplete(outcome -> changed.run());
    return true;
  }

  private static Order failed(Plan plan, Throwable failure) {
    RestartFailure reason = RestartFailure.INTERNAL;
    if (failure instanceof ReplyException e && e.failureCode() > 0) {
      reason = RestartFailure.ofCode(e.failureCode());
    }
    return new Order(plan.id(), Outcome.FAILED, reason.name(), failure.getMessage());
  }
}
