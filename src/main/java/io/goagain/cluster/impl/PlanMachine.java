package io.goagain.cluster.impl;

import io.goagain.cluster.impl.Entry.Order;
import io.goagain.cluster.impl.Entry.Outcome;
import io.goagain.cluster.impl.Plan.State;
import io.goagain.cluster.impl.Step.Phase;
import io.goagain.cluster.impl.Step.Trouble;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** How a plan goes on, as a function of what is seen: no thread, no clock, no input or output. */
final class PlanMachine {

  /** How long a node may be gone: a successor whose predecessor was killed comes in that time. */
  static final long VANISHED_MILLIS = 10_000;

  /** How long a node may take to notice its order. */
  static final long ORDER_MILLIS = 30_000;

  /** How long a node may be unwell after its restart before that has failed. */
  static final long SICK_MILLIS = 30_000;

  private PlanMachine() {}

  /**
   * Whether this process is the one that changes the plan. The oldest member whose node is not
   * being restarted does: so a node that restarts gives up first, and nobody has to be elected.
   */
  static boolean coordinates(Plan plan, View view) {
    if (!seesMajority(plan, view)) {
      return false;
    }
    Entry coordinator =
        view.entries().stream()
            .filter(entry -> !plan.isUnderWay(entry.node()))
            .findFirst()
            .orElse(view.entries().get(0)); // all of them are being restarted
    return coordinator.member().equals(view.self());
  }

  /** Whether more than half of the nodes that the plan knows are seen. Two halves: nobody acts. */
  static boolean seesMajority(Plan plan, View view) {
    Set<String> seen = view.nodes();
    return 2 * plan.nodes().stream().filter(seen::contains).count() > plan.nodes().size();
  }

  /** The plan that follows from what is seen; the same one if nothing does. */
  static Plan next(Plan plan, View view, long now) {
    if (!plan.isActive()) {
      return plan;
    }
    Plan next = noticeMissing(plan, view, now);
    for (Step step : next.steps()) {
      Step advanced = advance(next, step, view, now);
      if (advanced != step) {
        next = next.with(advanced);
        if (advanced.phase() == Phase.FAILED && !plan.goesOn()) {
          next = stop(next, describe(advanced));
        }
      }
    }
    if (next.state() == State.RUNNING) {
      next = order(next, view, now);
    }
    return end(next, now);
  }

  private static String describe(Step failed) {
    return "%s failed (%s): %s: %s"
        .formatted(failed.node(), failed.failedIn(), failed.failure(), failed.reason());
  }

  /** The first reason is the one that counts. */
  private static Plan stop(Plan plan, String reason) {
    return plan.state() == State.RUNNING ? plan.with(State.STOPPING, reason) : plan;
  }

  private static Plan noticeMissing(Plan plan, View view, long now) {
    Set<String> seen = view.nodes();
    Map<String, Long> missing = new TreeMap<>();
    for (String node : plan.nodes()) {
      if (!seen.contains(node)) {
        missing.put(node, plan.missing().getOrDefault(node, now));
      }
    }
    Plan next = missing.equals(plan.missing()) ? plan : plan.withMissing(missing);
    for (Map.Entry<String, Long> gone : missing.entrySet()) {
      Step step = plan.stepOf(gone.getKey());
      boolean aboutToFail = step != null && (step.isUnderWay() || step.phase() == Phase.WAITING);
      if (now - gone.getValue() >= VANISHED_MILLIS && !aboutToFail && !plan.goesOn()) {
        next = stop(next, vanished(gone.getKey(), now - gone.getValue()));
      }
    }
    return next;
  }

  private static String vanished(String node, long millis) {
    return "No process of node %s has been in the cluster for %d s: start it again."
        .formatted(node, millis / 1000);
  }

  private static Step advance(Plan plan, Step step, View view, long now) {
    if (!step.isUnderWay() && step.phase() != Phase.WAITING) {
      return step;
    }
    Long missing = plan.missing().get(step.node());
    if (missing != null) {
      return now - missing >= VANISHED_MILLIS
          ? step.fail(Trouble.VANISHED.name(), vanished(step.node(), now - missing), now)
          : step;
    }
    if (step.phase() == Phase.WAITING) {
      return step;
    }
    Step next = follow(plan, step, view, now);
    return next.isUnderWay() && now - step.begun() >= plan.stepTimeout()
        ? step.fail(
            Trouble.STEP_TIMEOUT.name(),
            "It was not through within stepTimeout, %d ms: it was %s for %d ms."
                .formatted(plan.stepTimeout(), step.phase(), now - step.since()),
            now)
        : next;
  }

  private static Step follow(Plan plan, Step step, View view, long now) {
    Entry target = view.ofMember(step.member());
    Order order = target == null ? null : target.orderOf(plan.id());
    if (order != null && order.outcome() == Outcome.FAILED) {
      return step.fail(order.failure(), order.reason(), now);
    }
    Entry successor =
        view.of(step.node()).stream()
            .filter(entry -> entry.generation() >= step.aim())
            .max(Comparator.comparingInt(Entry::generation))
            .orElse(null);
    if (successor == null) {
      return target == null && step.phase().compareTo(Phase.JOINING) < 0
          ? step.enter(Phase.JOINING, now) // it is gone, and another process of the node is there
          : followTarget(step, order, now);
    }
    boolean left = !view.members().contains(step.member());
    return switch (step.phase()) {
      case ORDERED, RESTARTING, JOINING ->
          step.enter(left ? Phase.BALANCING : Phase.LEAVING, now).succeededBy(successor.pid());
      case LEAVING -> left ? step.enter(Phase.BALANCING, now) : step;
      case BALANCING -> view.safe() ? step.settle(successor.errors(), now) : step;
      case SETTLING -> settle(plan, step, successor, now);
      default -> throw new IllegalStateException(step.phase().name());
    };
  }

  private static Step followTarget(Step step, Order order, long now) {
    return switch (step.phase()) {
      case ORDERED -> {
        if (order != null) {
          yield step.enter(Phase.RESTARTING, now);
        }
        yield now - step.since() < ORDER_MILLIS
            ? step
            : step.fail(
                Trouble.STEP_TIMEOUT.name(),
                "It did not take the order within %d s.".formatted(ORDER_MILLIS / 1000),
                now);
      }
      case RESTARTING ->
          order != null && order.outcome() == Outcome.RESTARTED
              ? step.enter(Phase.JOINING, now)
              : step;
      default -> step; // the successor, if there was one, is awaited once more
    };
  }

  private static Step settle(Plan plan, Step step, Entry successor, long now) {
    String wrong = whatIsWrong(step, successor);
    if (wrong == null) {
      return now - step.since() >= plan.settleMillis() ? step.enter(Phase.DONE, now) : step;
    }
    long settling = step.millis().getOrDefault(Phase.SETTLING, 0L) + now - step.since();
    if (settling >= plan.settleMillis() + SICK_MILLIS) {
      return step.fail(Trouble.UNHEALTHY.name(), "It serves, and is not well: " + wrong, now);
    }
    return now == step.since() ? step : step.settle(successor.errors(), now);
  }

  private static String whatIsWrong(Step step, Entry successor) {
    if (successor.sick() != null) {
      return successor.sick();
    }
    long errors = successor.errors() - step.errors();
    return errors > 0 ? "it answered requests with 500 or more, %d lately".formatted(errors) : null;
  }

  /** Begins what may be begun. What is missing is unavailable, too. */
  private static Plan order(Plan plan, View view, long now) {
    Plan next = plan;
    for (Step step : plan.steps()) {
      Set<String> unavailable =
          next.underWay().stream().map(Step::node).collect(Collectors.toSet());
      unavailable.addAll(next.missing().keySet());
      if (step.phase() != Phase.WAITING
          || !view.safe()
          || unavailable.size() >= plan.maxUnavailable()) {
        continue;
      }
      List<Entry> processes = view.of(step.node());
      if (processes.size() == 1 && processes.get(0).isServing()) {
        next = next.with(step.order(processes.get(0), now));
      }
    }
    return next;
  }

  private static Plan end(Plan plan, long now) {
    if (!plan.underWay().isEmpty()) {
      return plan;
    }
    boolean allHaveEnded = plan.steps().stream().noneMatch(s -> s.phase() == Phase.WAITING);
    if (plan.state() == State.RUNNING && allHaveEnded) {
      return plan.with(State.COMPLETED, null);
    }
    if (plan.state() == State.RUNNING && now - idleSince(plan) >= plan.stepTimeout()) {
      return end(plan.with(State.STOPPING, whyIdle(plan)), now);
    }
    if (plan.state() != State.STOPPING) {
      return plan;
    }
    List<Step> ended =
        plan.steps().stream()
            .map(s -> s.phase() == Phase.WAITING ? s.enter(Phase.UNTOUCHED, now) : s)
            .toList();
    return plan.with(ended).with(State.ABORTED, plan.reason());
  }

  private static long idleSince(Plan plan) {
    return plan.steps().stream()
        .filter(step -> step.phase() != Phase.WAITING)
        .mapToLong(Step::since)
        .max()
        .orElse(plan.asked());
  }

  private static String whyIdle(Plan plan) {
    return plan.missing().isEmpty()
        ? "No further node could be restarted within stepTimeout, %d ms: the cluster was not safe, or the next node did not serve alone."
            .formatted(plan.stepTimeout())
        : "No further node could be restarted within stepTimeout, %d ms: %s missing, and no more than maxUnavailable, %d, may be."
            .formatted(plan.stepTimeout(), plan.missing().keySet(), plan.maxUnavailable());
  }
}
