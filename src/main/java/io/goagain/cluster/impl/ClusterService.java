package io.goagain.cluster.impl;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import com.hazelcast.cluster.MembershipEvent;
import com.hazelcast.cluster.MembershipListener;
import com.hazelcast.core.EntryEvent;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.map.listener.EntryAddedListener;
import com.hazelcast.map.listener.EntryRemovedListener;
import com.hazelcast.map.listener.EntryUpdatedListener;
import io.goagain.RestartFailure;
import io.goagain.RestartMessages;
import io.goagain.cluster.ClusterMessages;
import io.goagain.cluster.ClusterOptions;
import io.goagain.cluster.impl.Plan.State;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.Message;
import io.vertx.core.eventbus.MessageConsumer;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.function.Function;

/**
 * One process's part in the cluster: it keeps its entry true, does what a plan orders it to, and
 * takes the next step of the plan when that is its task. Everything that happens leads to the same
 * round: look at the board, and do what follows. All on one Vert.x context; the board is looked at
 * on workers.
 */
public final class ClusterService {

  private static final System.Logger LOG = System.getLogger(ClusterService.class.getName());
  private static final long ROUND_MILLIS = 1_000;
  private static final long FORGET_MILLIS = 10_000;
  private static final int ATTEMPTS = 20;

  private final Vertx vertx;
  private final Context context;
  private final ClusterOptions options;
  private final Board board;
  private final HazelcastInstance hazelcast;
  private final Registrations registrations;
  private final InFlight inFlight;
  private final OwnNode own;
  private final PlanNews news;
  private final List<MessageConsumer<?>> consumers = new ArrayList<>();
  private final List<Runnable> ends = new ArrayList<>();
  private boolean looking;
  private boolean lookAgain;
  private boolean leaving;
  private String listensAs;
  private volatile View last;
  private int sweptAt = -1;

  /** On the context of the verticle that owns it. Blocks for a moment, if the map is new. */
  public ClusterService(
      Vertx vertx,
      ClusterOptions options,
      HazelcastInstance hazelcast,
      Registrations registrations,
      Health health) {
    this.vertx = vertx;
    this.context = vertx.getOrCreateContext();
    this.options = options;
    this.hazelcast = hazelcast;
    this.registrations = registrations;
    this.board = new Board(hazelcast);
    this.inFlight = new InFlight(vertx.eventBus(), options.getRequestTimeout());
    this.own = new OwnNode(vertx, options, board, health, this::look);
    this.news = new PlanNews(vertx);
  }

  /** The future completes when the others know of this process. */
  public Future<Void> start() {
    inFlight.begin();
    ends.add(inFlight::end);
    consumeLocally(ClusterMessages.RESTART, this::restart);
    consumeLocally(ClusterMessages.STATUS, ignored -> status());
    consumeLocally(ClusterMessages.ABORT, this::abort);
    consumers.add(vertx.eventBus().localConsumer(RestartMessages.EVENTS, message -> look()));
    return listenAs(board.self())
        .compose(v -> registrations.announce())
        .compose(v -> own.refresh())
        .compose(v -> onWorker(this::watch))
        .onSuccess(
            v -> {
              long rounds = vertx.setPeriodic(ROUND_MILLIS, id -> look());
              long forgets = vertx.setPeriodic(FORGET_MILLIS, id -> inFlight.forgetOld());
              ends.add(() -> vertx.cancelTimer(rounds));
              ends.add(() -> vertx.cancelTimer(forgets));
              look();
            });
  }

  /** Again under another id, which this process has after a merge. */
  private Future<Void> listenAs(String member) {
    if (member.equals(listensAs)) {
      return Future.succeededFuture();
    }
    MessageConsumer<JsonObject> asked =
        vertx.eventBus().consumer(NodeMessages.withdrawn(member), this::othersLeave);
    consumers.add(asked);
    return asked.completion().onSuccess(v -> listensAs = member);
  }

  private Void watch() {
    board.writeOwn(own.entry());
    UUID entries = board.map().addEntryListener(new MapNews(), false);
    UUID members = hazelcast.getCluster().addMembershipListener(new MemberNews());
    ends.add(
        () ->
            vertx.executeBlocking(
                () -> {
                  if (hazelcast.getLifecycleService().isRunning()) {
                    hazelcast.getCluster().removeMembershipListener(members);
                    board.map().removeEntryListener(entries);
                  }
                  return null;
                },
                false));
    LOG.log(INFO, "node {0} is in the cluster as {1}", own.entry().node(), board.self());
    return null;
  }

  /** Stops looking; the process may go on. */
  public Future<Void> stop() {
    leaving = true;
    consumers.forEach(MessageConsumer::unregister);
    ends.forEach(Runnable::run);
    ends.clear();
    return Future.succeededFuture();
  }

  /**
   * Takes leave of the others, so that Vert.x can be closed: see {@link Leaving}.
   *
   * @param handedOver whether a successor is to get what comes from now on
   */
  public Future<Void> leave(boolean handedOver) {
    Promise<Void> left = Promise.promise();
    context.runOnContext(v -> leaveNow(handedOver).onComplete(left));
    return left.future();
  }

  private Future<Void> leaveNow(boolean handedOver) {
    own.leaves();
    look();
    String node = own.entry().node();
    int generation = own.entry().generation();
    return new Leaving(vertx, registrations, inFlight, this::others, options.getLeaveTimeout())
        .run(
            () -> {
              if (!handedOver) {
                return true;
              }
              look();
              return last != null
                  && last.of(node).stream().anyMatch(entry -> entry.generation() > generation);
            })
        .eventually(
            () -> {
              leaving = true;
              return onWorker(
                  () -> {
                    board.removeOwn();
                    return null;
                  });
            });
  }

  private List<String> others() {
    View view = last;
    return view == null
        ? List.of()
        : view.entries().stream()
            .map(Entry::member)
            .filter(member -> !member.equals(board.self()))
            .toList();
  }

  private void othersLeave(Message<JsonObject> message) {
    List<String> addresses = new ArrayList<>();
    message.body().getJsonArray("addresses").forEach(address -> addresses.add((String) address));
    registrations.refresh(addresses).onComplete(done -> message.reply(null));
  }

  private <T> Future<T> onWorker(Callable<T> action) {
    return vertx.executeBlocking(action, false);
  }

  /** Looks at the board soon, and does what follows. Can be called from any thread. */
  private void lookFromAnywhere() {
    context.runOnContext(v -> look());
  }

  private void look() {
    if (leaving) {
      return;
    }
    if (looking) {
      lookAgain = true;
      return;
    }
    looking = true;
    own.refresh()
        .compose(v -> onWorker(board::read))
        .compose(this::seen)
        .onFailure(failure -> LOG.log(WARNING, "the cluster cannot be looked at: " + failure))
        .onComplete(
            done -> {
              looking = false;
              if (lookAgain) {
                lookAgain = false;
                look();
              }
            });
  }

  private Future<?> seen(Board.Seen seen) {
    if (leaving) {
      return Future.succeededFuture();
    }
    View view = seen.view();
    last = view;
    Entry entry = own.entry();
    if (!entry.equals(view.ofMember(board.self()))) {
      lookAgain = true;
      return listenAs(entry.member())
          .compose(
              v ->
                  onWorker(
                      () -> {
                        board.writeOwn(entry);
                        return null;
                      }));
    }
    Plan plan = seen.plan() == null ? null : Plan.of(new JsonObject(seen.plan()));
    sweep(view);
    if (plan == null) {
      return Future.succeededFuture();
    }
    news.tell(plan);
    if (!plan.isActive()) {
      return Future.succeededFuture();
    }
    if (PlanMachine.seesMajority(plan, view) && own.obey(plan)) {
      lookAgain = true;
    }
    return PlanMachine.coordinates(plan, view)
        ? goOn(seen.plan(), plan, view)
        : Future.succeededFuture();
  }

  private Future<?> goOn(String written, Plan plan, View view) {
    return onWorker(
            () -> {
              View now = view.withSafe(board.isSafe());
              Plan next = PlanMachine.next(plan, now, System.currentTimeMillis());
              return next != plan
                  && board.replacePlan(
                      written, next.changedBy(own.entry().node(), System.currentTimeMillis()));
            })
        .onSuccess(changed -> lookAgain |= changed)
        .onSuccess(changed -> lookWhenSettled(plan));
  }

  /** The rounds are long, compared to a short time of settling. */
  private void lookWhenSettled(Plan plan) {
    for (Step step : plan.underWay()) {
      long left = step.since() + plan.settleMillis() - System.currentTimeMillis();
      if (step.phase() == Step.Phase.SETTLING && left > 0 && left < ROUND_MILLIS) {
        vertx.setTimer(left + 1, id -> look());
      }
    }
  }

  /** The oldest member cleans up, when the members have changed. */
  private void sweep(View view) {
    int members = view.members().hashCode();
    if (members != sweptAt
        && !view.entries().isEmpty()
        && view.entries().get(0).member().equals(view.self())) {
      sweptAt = members;
      onWorker(
          () -> {
            board.sweep();
            return null;
          });
    }
  }

  private void consumeLocally(String address, Function<JsonObject, Future<JsonObject>> answer) {
    consumers.add(
        vertx
            .eventBus()
            .<JsonObject>localConsumer(
                address,
                message ->
                    answered(answer, message.body())
                        .onComplete(
                            message::reply,
                            failure -> message.fail(code(failure), failure.getMessage()))));
  }

  private static Future<JsonObject> answered(
      Function<JsonObject, Future<JsonObject>> answer, JsonObject body) {
    try {
      return answer.apply(body);
    } catch (IllegalArgumentException e) {
      return Future.failedFuture(new Refusal(RestartFailure.INVALID_REQUEST, e.getMessage()));
    }
  }

  private static int code(Throwable failure) {
    return failure instanceof Refusal refusal
        ? refusal.failure().code()
        : RestartFailure.INTERNAL.code();
  }

  private Future<JsonObject> restart(JsonObject body) {
    PlanRequest request = PlanRequest.of(body);
    return onWorker(() -> ask(request))
        .onSuccess(
            plan -> {
              if (!request.isDryRun()) {
                LOG.log(INFO, "plan {0}: {1}", plan.id(), plan.toJson());
                lookFromAnywhere();
              }
            })
        .map(
            plan ->
                new JsonObject()
                    .put("plan", request.isDryRun() ? null : plan.id())
                    .put("dryRun", request.isDryRun())
                    .put("order", new JsonArray(plan.steps().stream().map(Step::node).toList())));
  }

  /** On a worker. */
  private Plan ask(PlanRequest request) throws Refusal {
    for (int i = 0; i < ATTEMPTS; i++) {
      Board.Seen seen = board.read();
      Plan before = seen.plan() == null ? null : Plan.of(new JsonObject(seen.plan()));
      if (before != null && before.isActive()) {
        throw new Refusal(
            RestartFailure.IN_PROGRESS,
            "Plan %s, asked for at %s, is in progress: ask again when it is over, or abort it."
                .formatted(before.id(), before.toJson().getString("asked")));
      }
      Plan plan;
      try {
        plan =
            request.toPlan(
                seen.view(),
                UUID.randomUUID().toString(),
                own.entry().node(),
                before == null ? 1 : before.version() + 1,
                System.currentTimeMillis());
      } catch (IllegalArgumentException e) {
        throw new Refusal(RestartFailure.INVALID_REQUEST, e.getMessage());
      }
      if (before != null
          && before.state() == State.ABORTED
          && !PlanMachine.seesMajority(before, seen.view())
          && !before.missing().isEmpty()) {
        throw new Refusal(
            RestartFailure.NOT_SERVING,
            "Of the nodes of the last plan, %s, no majority is in the cluster: start them again."
                .formatted(before.nodes()));
      }
      if (request.isDryRun() || board.replacePlan(seen.plan(), plan)) {
        return plan;
      }
    }
    throw new Refusal(RestartFailure.INTERNAL, "The plan could not be written.");
  }

  private Future<JsonObject> abort(JsonObject ignored) {
    return onWorker(this::stopPlan).onSuccess(done -> lookFromAnywhere());
  }

  /** On a worker. */
  private JsonObject stopPlan() throws Refusal {
    for (int i = 0; i < ATTEMPTS; i++) {
      Board.Seen seen = board.read();
      Plan plan = seen.plan() == null ? null : Plan.of(new JsonObject(seen.plan()));
      if (plan == null || !plan.isActive()) {
        throw new Refusal(RestartFailure.INVALID_REQUEST, "No plan is in progress.");
      }
      JsonObject answer =
          new JsonObject()
              .put("plan", plan.id())
              .put("underWay", new JsonArray(plan.underWay().stream().map(Step::node).toList()));
      if (plan.state() == State.STOPPING) {
        return answer;
      }
      Plan stopped =
          plan.with(State.STOPPING, "It was told to stop, at node " + own.entry().node() + ".")
              .changedBy(own.entry().node(), System.currentTimeMillis());
      if (board.replacePlan(seen.plan(), stopped)) {
        return answer;
      }
    }
    throw new Refusal(RestartFailure.INTERNAL, "The plan could not be written.");
  }

  private Future<JsonObject> status() {
    return onWorker(board::read)
        .map(
            seen -> {
              JsonArray nodes = new JsonArray();
              seen.view().entries().forEach(entry -> nodes.add(entry.toJson()));
              JsonObject plan = seen.plan() == null ? null : new JsonObject(seen.plan());
              if (plan != null) {
                Plan there = Plan.of(plan);
                plan.put("majority", PlanMachine.seesMajority(there, seen.view()))
                    .put("shares", PlanShares.of(there, System.currentTimeMillis()));
              }
              return new JsonObject()
                  .put("node", own.entry().node())
                  .put("nodes", nodes)
                  .put("plan", plan);
            });
  }

  /** Something on the board is new. On a thread of Hazelcast's. */
  private final class MapNews
      implements EntryAddedListener<String, String>,
          EntryUpdatedListener<String, String>,
          EntryRemovedListener<String, String> {

    @Override
    public void entryAdded(EntryEvent<String, String> event) {
      lookFromAnywhere();
    }

    @Override
    public void entryUpdated(EntryEvent<String, String> event) {
      lookFromAnywhere();
    }

    @Override
    public void entryRemoved(EntryEvent<String, String> event) {
      lookFromAnywhere();
    }
  }

  /** Somebody came or went. On a thread of Hazelcast's. */
  private final class MemberNews implements MembershipListener {

    @Override
    public void memberAdded(MembershipEvent event) {
      lookFromAnywhere();
    }

    @Override
    public void memberRemoved(MembershipEvent event) {
      lookFromAnywhere();
    }
  }
}
