package io.goagain.impl;

import static java.lang.System.Logger.Level.ERROR;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.goagain.Generation;
import io.goagain.RestartFailure;
import io.goagain.RestartMessages;
import io.goagain.RestartOptions;
import io.goagain.RestartStrategy;
import io.goagain.impl.Inheritance.Asked;
import io.goagain.impl.Inheritance.Role;
import io.goagain.impl.RestartMachine.Effect;
import io.goagain.impl.RestartMachine.Event;
import io.goagain.impl.RestartMachine.State;
import io.goagain.impl.net.ConnectionSender;
import io.goagain.impl.net.Drain;
import io.goagain.impl.net.DrainReport;
import io.goagain.impl.net.HandoverChannel;
import io.goagain.impl.net.Listener;
import io.goagain.impl.net.ListenerAddress;
import io.goagain.impl.net.Listeners;
import io.goagain.impl.posix.PosixException;
import io.goagain.impl.posix.Processes;
import io.vertx.core.AsyncResult;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The one owner of a process's state. Whatever happens (a signal, a message, the end of a process,
 * a timer) becomes an event for the {@link RestartMachine} on one Vert.x context, and the effects
 * that it asks for are the methods below.
 */
final class Restarter {

  private static final System.Logger LOG = System.getLogger(Restarter.class.getName());
  private static final DeliveryOptions LOCAL = new DeliveryOptions().setLocalOnly(true);
  private static final long KILL_AFTER_MILLIS = 5_000;
  private static final long CLOSE_TIMEOUT_SECONDS = 10;
  private static final long STANDBY_TIMEOUT_MILLIS = 10_000;
  private static final long VITALS_MILLIS = 500;

  /** For answers of the control socket that are written when all else is done. */
  private static final long LAST_ANSWERS_MILLIS = 1_000;

  /** A process that died has closed its descriptors a moment before it can be reaped. */
  private static final long EXIT_AFTER_EOF_MILLIS = 1_000;

  private final Vertx vertx;
  private final Context context;
  private final RestartOptions options;
  private final Launch launch;
  private final Inheritance inheritance;
  private final Generation generation;
  private final Listeners listeners;
  private final ThisProcess process;
  private final StrategyChoice strategy;
  private final Supervision supervision;
  private final PidFile pidFile;
  private final Vitals vitals;
  private final BeforeReady beforeReady;
  private final BeforeClose beforeClose;
  private final Archives archives;
  private final ArchiveWriter archiveWriter;
  private final Courtesy courtesy = new Courtesy();
  private final History history = new History();
  private final Instant upSince = Instant.now();

  private final RestartMachine machine = new RestartMachine();
  private final Promise<Void> serving = Promise.promise();
  private final Promise<DrainReport> drained = Promise.promise();
  private Predecessor predecessor;
  private Attempt attempt;
  private Attempt last;
  private Drain drain;

  /** Of the control socket, whose connections may wait for the end of the other drain. */
  private Drain controlDrain;

  /** What the predecessor last said of itself, or null once it is gone. */
  private JsonObject predecessorVitals;

  private Runnable controlEnds = () -> {};

  /** Whom the end of this process has to wait for, or null. */
  private Companion companion;

  /** Whether this process serves for another, which comes back: the pid file names that one. */
  private boolean standingIn;

  /** What the application owned and knew is the successor's, or nobody's. */
  private Future<Void> stateGone = Future.succeededFuture();

  private boolean restartRemembered;
  private boolean stopRemembered;
  private int exitCode;

  Restarter(
      Vertx vertx,
      RestartOptions options,
      ThisProcess process,
      BeforeReady beforeReady,
      BeforeClose beforeClose) {
    this.vertx = vertx;
    this.context = vertx.getOrCreateContext();
    this.options = options;
    this.process = process;
    this.beforeReady = beforeReady;
    this.beforeClose = beforeClose;
    this.launch = process.launch();
    this.inheritance = process.inheritance();
    this.generation = process.generation();
    this.listeners = process.listeners();
    this.strategy = StrategyChoice.of(options, launch.environment());
    this.supervision =
        new Supervision(
            vertx,
            launch.environment(),
            generation,
            (!inheritance.hasPredecessor() && !process.original().isStandIn())
                || inheritance.isNextImage()
                || inheritance.isTaker());
    this.standingIn = inheritance.isStandIn() || process.original().isStandIn();
    this.pidFile =
        options.getPidFile() == null ? null : new PidFile(options.getPidFile(), generation.pid());
    this.vitals = process.vitals();
    this.archives = new Archives(options, launch);
    this.archiveWriter = new ArchiveWriter(archives);
  }

  /** Sets what ends the conversations of the control socket that end with this process only. */
  void onEnd(Runnable action) {
    controlEnds = action;
  }

  /** Says ready. The future completes when this process accepts. */
  Future<Void> start() {
    Archives.checkOwn();
    if (inheritance.isNextImage()) {
      companion = Companion.ofEarlierImage(inheritance.child());
    } else if (process.original().nextImage()) {
      companion = Companion.ofEarlierImage(process.original().peer());
    }
    if (generation.pid() == 1 || companion != null) {
      Orphans.reapPeriodically(vertx);
    }
    if (inheritance.hasPredecessor()) {
      predecessor =
          Predecessor.connect(
              inheritance,
              generation,
              listeners,
              new PredecessorObserver(generation.predecessorPid()));
      becomeReady();
    } else {
      fire(Event.ALONE);
    }
    return serving.future();
  }

  private void becomeReady() {
    beforeReady
        .run(vertx, options, listeners, this::doing)
        .onComplete(
            warm -> {
              if (isAwaited()) {
                predecessor.sayReady(listeners.open());
              }
            },
            failure -> {
              if (isAwaited()) {
                cannotBecomeReady(asRestartException("it could not become ready", failure));
              }
            });
  }

  /** Whether a predecessor still serves, and waits for this process to be ready. */
  private boolean isAwaited() {
    return machine.state() == State.BOOTING && predecessor != null;
  }

  private void doing(String what) {
    LOG.log(INFO, "generation {0}: {1}", generation.number(), what);
    if (isAwaited()) {
      predecessor.sayDoing(what);
    }
  }

  private void cannotBecomeReady(RestartException failure) {
    if (inheritance.isNextImage()) {
      // Its end would be the end of what a supervisor watches, and its stand-in runs the same.
      LOG.log(WARNING, "{0}: {1}: ready all the same", failure.failure(), failure.getMessage());
      predecessor.sayReady(listeners.open());
      return;
    }
    LOG.log(ERROR, "{0}: {1}", failure.failure(), failure.getMessage());
    predecessor.sayFailed(failure, () -> context.runOnContext(v -> serving.tryFail(failure)));
  }

  /** Asks by message: the outcome is told, and nothing is remembered for later. */
  Future<JsonObject> restart(RestartOptions request) {
    String unsupported = process.unsupported();
    if (unsupported != null) {
      return failed(RestartFailure.NOT_SUPPORTED, unsupported + ".");
    }
    RestartException objection = objection();
    if (objection != null) {
      return Future.failedFuture(objection);
    }
    Attempt asked = newAttempt(request);
    attempt = asked;
    fire(Event.RESTART);
    return asked.outcome().future();
  }

  /** Why this process cannot be replaced now, or null. */
  RestartException objection() {
    return switch (machine.state()) {
      case SERVING -> null;
      case SETTLING ->
          new RestartException(
              RestartFailure.IN_PROGRESS,
              "Process %d, which this one took over from, drains or stays on probation: ask again when it is gone."
                  .formatted(generation.predecessorPid()));
      case SPAWNING, AWAITING_READY, ABORTING ->
          new RestartException(
              RestartFailure.IN_PROGRESS,
              "The restart that was asked for at %s is still in progress: ask again when it is over."
                  .formatted(attempt.toJson().getString("at")));
      case BOOTING ->
          new RestartException(
              RestartFailure.NOT_SERVING, "This process does not serve yet: ask its predecessor.");
      case RETURNING, EXECUTING ->
          new RestartException(
              RestartFailure.IN_PROGRESS,
              "This process is about to execute its next image: ask that one.");
      case YIELDED, DRAINING, EXITED ->
          new RestartException(
              RestartFailure.STOPPING,
              !handedOver()
                  ? "This process is stopping."
                  : "This process has handed over: ask its successor, process %d."
                      .formatted(attempt.successor.servingPid()));
    };
  }

  /**
   * A process that nobody spawned has said its hello and wants to be the successor.
   *
   * @param line to it; this object's from now on
   */
  void takeOver(HandoverChannel line, int pid) {
    RestartException objection = objection();
    if (objection != null) {
      line.send(Handshake.abort(objection.getMessage(), false));
      line.close();
      return;
    }
    LOG.log(
        INFO, "generation {0}: process {1} takes over", generation.number(), Integer.toString(pid));
    Attempt current = new Attempt(options, false, generation.number() + 1);
    attempt = current;
    supervision.restarts(options.getReadyTimeout());
    current.successor =
        Successor.taker(pid, line, generation, listeners, new SuccessorObserver(current));
    awaitReady(current);
    fire(Event.TAKEOVER);
  }

  /** After a restart that succeeded: when this process has let go of all, how that went. */
  Future<DrainReport> handedOverAll() {
    Attempt current = attempt;
    Promise<Void> begun = Promise.promise();
    context.runOnContext(v -> begun.complete()); // the outcome is told before the drain begins
    return begun
        .future()
        .compose(v -> Future.join(Future.fromCompletionStage(drain.done(), context), stateGone))
        .compose(
            done ->
                attempt == current
                    ? Future.succeededFuture(drain.report())
                    : failed(
                        RestartFailure.SUCCESSOR_LOST,
                        "The successor died after it was ready: generation %d serves again."
                            .formatted(generation.number())));
  }

  JsonArray history() {
    return history.toJson();
  }

  /** Of this process, and of its predecessor while that is there. */
  List<JsonObject> vitals() {
    return predecessorVitals == null
        ? List.of(vitals.toJson())
        : List.of(vitals.toJson(), predecessorVitals);
  }

  private Attempt newAttempt(RestartOptions request) {
    RestartStrategy asked =
        request.getStrategy() == options.getStrategy()
            ? strategy.strategy()
            : StrategyChoice.of(request, launch.environment()).strategy();
    return new Attempt(request, asked == RestartStrategy.DOUBLE, generation.number() + 1);
  }

  private static <T> Future<T> failed(RestartFailure failure, String message) {
    return Future.failedFuture(new RestartException(failure, message));
  }

  /** Asks by signal: what cannot be done now is remembered once. */
  void restartBySignal() {
    String unsupported = process.unsupported();
    if (unsupported != null) {
      LOG.log(ERROR, "SIGUSR2: no restart, {0}.", unsupported);
      return;
    }
    fire(Event.RESTART);
  }

  /** The future completes when nothing is in flight any more, and the process exits after that. */
  Future<DrainReport> stop() {
    boolean takenOver = machine.state() == State.AWAITING_READY && attempt.successor.isTaker();
    fire(takenOver ? Event.STOP_ONCE_TAKEN_OVER : Event.STOP);
    return drained.future();
  }

  /** At once: what is in flight is lost. */
  void stopNow(int code) {
    exitCode = code;
    fire(Event.STOP_NOW);
  }

  /** A signal that a successor sends which knows the original protocol only. */
  void successorAccepts() {
    if (machine.state() == State.SPAWNING) {
      // It was faster than the news that it has been spawned.
      attempt.acceptsEarly = true;
    } else if (machine.state() == State.AWAITING_READY && attempt.successor.turnsOutOriginal()) {
      fire(Event.SUCCESSOR_ACCEPTING);
    }
  }

  /** A signal asks for something to be published, here and where the service is now. */
  void published(String address) {
    vertx.eventBus().publish(address, new JsonObject(), LOCAL);
    if (handedOver() && attempt.comesBack()) {
      attempt.successor.send(Handshake.publish(address));
    } else if (inheritance.isNextImage() && machine.state() == State.BOOTING) {
      predecessor.sayPublish(address);
    }
  }

  private boolean serviceEnds() {
    return machine.state() == State.DRAINING || machine.state() == State.EXITED;
  }

  /** Whether the next image of this process is about to take its place. */
  boolean isExecuting() {
    return machine.state() == State.EXECUTING;
  }

  /** The verticle goes, the process stays: whoever undeploys it takes the duties on. */
  void close() {
    if (handedOver()
        && (machine.state() == State.AWAITING_READY || machine.state() == State.SPAWNING)) {
      attempt.successor.send(Handshake.abort("the restart verticle was undeployed", false));
      attempt.successor.kill(Processes.TERM);
    }
    if (predecessor != null) {
      predecessor.close();
    }
  }

  private void fire(Event event) {
    State before = machine.state();
    machine
        .step(event)
        .ifPresent(
            transition -> {
              vitals.state(transition.next());
              if (transition.next() != before) {
                publish(
                    new JsonObject()
                        .put("type", transition.next().name().toLowerCase(Locale.ROOT)));
              }
              transition.effects().forEach(this::perform);
              entered(before);
            });
  }

  /** What a state means by itself, whatever led to it. */
  private void entered(State before) {
    State state = machine.state();
    if (state == before) {
      return;
    }
    if (before == State.SERVING) {
      archiveWriter.cancel();
    }
    switch (state) {
      case SERVING -> {
        archiveLater();
        if (stopRemembered) {
          fire(Event.STOP);
        } else if (restartRemembered) {
          restartRemembered = false;
          fire(Event.RESTART);
        }
      }
      case AWAITING_READY -> {
        courtesy.prepare();
        if (stopRemembered) {
          fire(Event.STOP);
        }
      }
      case YIELDED -> {
        reportVitals(attempt);
        if (stopRemembered) {
          fire(Event.STOP);
        } else if (attempt.comesBack()) {
          returnWhenEmpty();
        } else {
          probation();
        }
      }
      case DRAINING -> {
        supervision.stops(options.getDrainTimeout());
        Future.join(Future.fromCompletionStage(drain.done(), context), stateGone)
            .onComplete(done -> drained(drain.report()));
      }
      default -> {}
    }
  }

  private void archiveLater() {
    vertx.setTimer(
        ArchiveWriter.DELAY_MILLIS,
        id -> {
          if (machine.state() != State.SERVING) {
            return; // when it serves again
          }
          if (!listeners.hasServed()) {
            archiveLater();
            return;
          }
          archiveWriter.begin();
        });
  }

  private void drained(DrainReport report) {
    reportDrain(report);
    drained.tryComplete(report);
    fire(Event.DRAINED);
  }

  private void reportDrain(DrainReport report) {
    LOG.log(INFO, "generation {0}: drained: {1}", generation.number(), report.toJson());
    vitals.drained(report);
    if (handedOver() && last == attempt) {
      attempt.reached("drained");
      remember(attempt, report);
      attempt.successor.send(Handshake.history(history.toJson()));
      attempt.successor.send(Handshake.vitals(vitals.toJson()));
    }
    publish(report.toJson().put("type", "drained"));
  }

  private void perform(Effect effect) {
    switch (effect) {
      case ACCEPT -> accept();
      case SPAWN -> spawn();
      case GRANT -> attempt.successor.send(Handshake.message(Handshake.GRANT));
      case ABORT -> abort();
      case REPORT_FAILURE -> reportFailure();
      case REPORT_SUCCESS -> reportSuccess();
      case STOP_ACCEPTING -> listeners.accepting(false);
      case TELL_STOP -> tellStop();
      case DRAIN -> {
        courtesy.compilersYield();
        drain();
      }
      case PASS_STATE -> passState();
      case CLOSE_LISTENERS -> listeners.close(l -> handedOver() || !l.isControl());
      case RETURN -> returnToService();
      case REMEMBER_RESTART -> rememberRestart();
      case REMEMBER_STOP -> rememberStop();
      case PASS_ON -> passOn();
      case PASS_STOP -> passStop();
      case PASS_MAIN -> passMain();
      case ASK_STANDBY -> askStandby();
      case STAND_BY -> standBy();
      case EXECUTE -> execute();
      case RESUME -> resume();
      case EXIT -> exit();
      case EXIT_NOW -> exitNow();
    }
  }

  private void accept() {
    listeners.closeUnadopted();
    listeners.accepting(true);
    writePidFile();
    if (predecessor != null) {
      predecessor.sayAccepting();
    }
    process.original().tellPeer();
    if (machine.state() == State.SERVING) {
      own(); // nobody else can
    }
    LOG.log(
        INFO,
        "generation {0}: process {1} serves {2}",
        generation.number(),
        Long.toString(generation.pid()),
        listeners.open().stream().map(l -> l.name() + " on " + l.address()).toList());
    if (strategy.reason() != null) {
      LOG.log(INFO, "strategy auto is {0}: {1}", strategy.strategy(), strategy.reason());
    }
    supervision.serves(listeners.open());
    serving.tryComplete();
  }

  private void spawn() {
    if (attempt == null || attempt.outcome().future().isComplete()) {
      attempt = newAttempt(options);
    }
    Attempt current = attempt;
    supervision.restarts(current.options().getReadyTimeout());
    List<Listener> open = listeners.passedOn();
    vertx
        .executeBlocking(
            () ->
                Successor.spawn(
                    archives.applyTo(NextCommand.resolve(launch, current.options())),
                    current.comesBack() ? Role.STAND_IN : Role.SUCCESSOR,
                    generation,
                    open),
            false)
        .onComplete(
            result ->
                // Never at once: the event that led here has to be done with first.
                context.runOnContext(v -> spawnEnded(current, result)));
  }

  private void spawnEnded(Attempt current, AsyncResult<Successor> result) {
    if (result.succeeded()) {
      spawned(current, result.result());
    } else {
      current.fails(asRestartException("The successor could not be spawned", result.cause()));
      fire(Event.SPAWN_FAILED);
    }
  }

  private static RestartException asRestartException(String what, Throwable failure) {
    return failure instanceof RestartException known
        ? known
        : new RestartException(RestartFailure.INTERNAL, what + ": " + failure, failure);
  }

  private void spawned(Attempt current, Successor successor) {
    current.successor = successor;
    LOG.log(
        INFO,
        "generation {0}: spawned generation {1} as process {2}",
        generation.number(),
        current.generation(),
        Integer.toString(successor.pid()));
    current.reached("spawned");
    awaitReady(current);
    fire(Event.SPAWNED);
    successor.observe(generation, listeners, new SuccessorObserver(current));
    if (current.acceptsEarly) {
      successorAccepts();
    }
  }

  private void awaitReady(Attempt current) {
    long timeout = current.options().getReadyTimeout();
    current.timer =
        vertx.setTimer(
            timeout,
            id -> {
              current.fails(
                  RestartFailure.NOT_READY,
                  ("Process %d did not say ready within %d ms and is %s%s: see what it waits for"
                          + " in its log, or raise readyTimeout.")
                      .formatted(
                          current.successor.pid(),
                          timeout,
                          current.successor.isChild() ? "killed" : "given up",
                          current.doing == null
                              ? ""
                              : " (the last that it said is: " + current.doing + ")"));
              fire(Event.SUCCESSOR_FAILED);
            });
  }

  private void abort() {
    Successor successor = attempt.successor;
    attempt.fails(RestartFailure.STOPPING, "A stop was asked for while the successor booted.");
    vertx.cancelTimer(attempt.timer);
    RestartException failure = attempt.failure();
    successor.send(
        Handshake.abort(failure.getMessage(), failure.failure() == RestartFailure.STOPPING));
    if (!successor.isChild()) {
      // It may wait for the end of this process, and is not this one's to kill.
      context.runOnContext(v -> fire(Event.SUCCESSOR_GONE));
      return;
    }
    successor.kill(Processes.TERM);
    attempt.timer =
        vertx.setTimer(
            KILL_AFTER_MILLIS,
            id -> {
              LOG.log(
                  WARNING,
                  "process {0} survived SIGTERM: SIGKILL",
                  Integer.toString(successor.pid()));
              successor.kill(Processes.KILL);
            });
  }

  private void reportFailure() {
    vertx.cancelTimer(attempt.timer);
    if (attempt.successor != null) {
      attempt.successor.close();
    }
    // A successor that failed between accepting and telling it has replaced it.
    writePidFile();
    Attempt failed = attempt;
    attempt = null;
    reportFailed(failed);
    failed.outcome().fail(failed.failure());
  }

  private void reportFailed(Attempt failed) {
    RestartException failure = failed.failure();
    LOG.log(
        ERROR,
        "restart failed, generation {0} goes on: {1}: {2}",
        generation.number(),
        failure.failure(),
        failure.getMessage());
    last = failed;
    failed.over();
    vitals.restarted(failed);
    remember(failed, null);
    supervision.failed(failure.getMessage());
    publish(failed.toJson().put("type", "restart_failed").put("code", failure.failure().code()));
  }

  private void reportSuccess() {
    vertx.cancelTimer(attempt.timer);
    attempt.reached("accepting");
    attempt.over();
    vitals.restarted(attempt);
    listeners.succeeded(true);
    LOG.log(
        INFO,
        "generation {0}: handed over to generation {1}, process {2}, after {3} ms",
        generation.number(),
        attempt.generation(),
        Integer.toString(attempt.successor.pid()),
        attempt.millis());
    last = attempt;
    if (attempt.comesBack()) {
      supervision.standInServes(attempt.successor.servingPid());
    } else {
      supervision.handedOver(attempt.successor.servingPid());
    }
    if (isWatched()) {
      companion = new Companion(attempt.successor.pid());
    }
    publish(attempt.toJson().put("type", "restarted"));
    remember(attempt, null);
    attempt.successor.send(Handshake.history(history.toJson()));
    if (restartRemembered) {
      passOn();
    }
    attempt
        .outcome()
        .complete(
            new JsonObject()
                .put("generation", attempt.generation())
                .put("pid", attempt.successor.servingPid())
                .put("predecessorPid", generation.pid())
                .put("listeners", new JsonArray(List.copyOf(attempt.listeners)))
                .put("readyMillis", attempt.millis())
                .put("phases", attempt.phases().copy()));
  }

  private void remember(Attempt restart, DrainReport connections) {
    JsonObject entry = restart.toJson().put("predecessorPid", generation.pid());
    if (connections != null) {
      entry.put("connections", connections.toJson());
    }
    history.put(entry);
  }

  /** So that whoever asks the successor is told of both. */
  private void reportVitals(Attempt current) {
    current.successor.send(Handshake.vitals(vitals.toJson()));
    vertx.setPeriodic(
        VITALS_MILLIS,
        id -> {
          if (attempt == current && (machine.state() == State.YIELDED || serviceEnds())) {
            current.successor.send(Handshake.vitals(vitals.toJson()));
          } else {
            vertx.cancelTimer(id);
          }
        });
  }

  private void drain() {
    RestartOptions limits = attempt == null ? options : attempt.options();
    if (!handedOver()) {
      stateGone = StateTransfer.release(vertx, process.handover(), limits.getDrainTimeout());
    }
    ConnectionSender successor = handedOver() ? attempt.successor.connections() : null;
    Duration timeout = Duration.ofMillis(limits.getDrainTimeout());
    drain = listeners.drain(listener -> !listener.isControl(), successor, timeout);
    controlDrain = listeners.drain(Listener::isControl, successor, timeout);
  }

  /** Who waits for the end of the drain is answered, and who listens as long as we live is told. */
  private Future<?> controlDrained() {
    controlEnds.run();
    Drain current = controlDrain;
    vertx.setTimer(LAST_ANSWERS_MILLIS, id -> current.cutWhatIsLeft());
    return Future.fromCompletionStage(current.done(), context);
  }

  /** After the connections have begun to move: they wait for nothing, and change nothing more. */
  private void passState() {
    publish(new JsonObject().put("type", "ownership_released"));
    Attempt current = attempt;
    long limit = current.options().getDrainTimeout();
    stateGone =
        Future.fromCompletionStage(drain.told(), context)
            .compose(
                told ->
                    current.successor.isOriginal()
                        ? StateTransfer.release(vertx, process.handover(), limit)
                        : StateTransfer.send(vertx, process.handover(), current.successor, limit));
  }

  private void own() {
    if (process.handover().take()) {
      publish(new JsonObject().put("type", "ownership_taken"));
    }
  }

  /** Whether a supervisor takes the end of this process for the end of the service. */
  private boolean isWatched() {
    return (supervision.isMain() && !(handedOver() && attempt.successor.isTaker()))
        || (handedOver() && attempt.comesBack());
  }

  private void writePidFile() {
    if (pidFile != null && !standingIn) {
      pidFile.write();
    }
  }

  private void returnWhenEmpty() {
    Attempt current = attempt;
    Future.join(Future.fromCompletionStage(drain.done(), context), stateGone)
        .onComplete(
            done -> {
              if (attempt == current && machine.state() == State.YIELDED) {
                reportDrain(drain.report());
                controlDrained()
                    .onComplete(
                        answered -> {
                          if (attempt == current) {
                            fire(Event.EMPTIED);
                          }
                        });
              }
            });
  }

  /** Whether the next image can be executed is found out before anything is given up for it. */
  private void askStandby() {
    Attempt current = attempt;
    current.timer =
        vertx.setTimer(
            STANDBY_TIMEOUT_MILLIS,
            id -> {
              LOG.log(
                  ERROR,
                  "the stand-in, process {0}, does not answer: SIGKILL",
                  Integer.toString(current.successor.pid()));
              current.successor.kill(Processes.KILL);
            });
    vertx
        .executeBlocking(() -> archives.applyTo(NextImage.find(launch, current.options())), false)
        .onComplete(
            command -> current.nextImage = command,
            failure ->
                current.fails(asRestartException("The next image could not be found", failure)))
        .onComplete(
            found -> {
              if (attempt == current && machine.state() == State.RETURNING) {
                callBack(current);
              }
            });
  }

  private void callBack(Attempt current) {
    if (!current.successor.isOriginal()) {
      current.successor.send(Handshake.message(Handshake.EXECUTES));
      return;
    }
    try {
      if (current.failure() == null) {
        current.successor.standsByAsOriginal(listeners.open());
        return;
      }
    } catch (PosixException e) {
      current.fails(RestartFailure.EXEC_FAILED, e.getMessage());
    }
    // It cannot be told to give back: its end makes this process serve again.
    current.successor.kill(Processes.TERM);
  }

  private void execute() {
    Attempt current = attempt;
    vertx.cancelTimer(current.timer);
    Signals.rememberAll();
    leaveClassList();
    LOG.log(
        INFO,
        "generation {0}: process {1} executes generation {2}; process {3} stands in",
        generation.number(),
        Long.toString(generation.pid()),
        generation.number() + 2,
        Long.toString(current.successor.servingPid()));
    beforeClose
        .run(vertx, options.getDrainTimeout())
        .onComplete(done -> closeVertx(() -> executeNextImage(current)));
  }

  private void executeNextImage(Attempt current) {
    Set<Asked> asked = EnumSet.noneOf(Asked.class);
    if (restartRemembered) {
      asked.add(Asked.RESTART);
    }
    if (stopRemembered) {
      asked.add(Asked.STOP);
    }
    if (current.successor.isOriginal() && asked.contains(Asked.STOP)) {
      // The next image could not be told.
      current.successor.kill(Processes.TERM);
      companion.gone().join();
      System.exit(0);
    }
    NextImage.execute(current, generation, asked);
    System.exit(1);
  }

  /** There is no next image: this one takes over from its stand-in as that would have. */
  private void resume() {
    Attempt failed = attempt;
    attempt = null;
    vertx.cancelTimer(failed.timer);
    Courtesy.compilersReturn();
    failed.successor.closeReturned();
    listeners.succeeded(false);
    reportFailed(failed);
    predecessor =
        Predecessor.standIn(
            failed.successor.line(),
            generation,
            listeners,
            new PredecessorObserver(failed.successor.servingPid()));
    predecessor.sayReady(listeners.open());
  }

  /** The process that this one stands in for comes back on the line that it is the other end of. */
  private void standBy() {
    Attempt current = new Attempt(options, false, generation.number() + 1);
    attempt = current;
    current.successor =
        Successor.nextImage(
            generation.predecessorPid(),
            predecessor.line(),
            generation,
            listeners,
            new SuccessorObserver(current));
    predecessor = null;
    long timeout = options.getReadyTimeout();
    current.timer =
        vertx.setTimer(
            timeout,
            id -> {
              // Not given up: to kill it would be to kill what a supervisor watches.
              LOG.log(
                  ERROR,
                  "{0}: process {1} did not come back within {2} ms: its stand-in, process {3},"
                      + " goes on serving. See what it waits for in its log.",
                  RestartFailure.NOT_RETURNED,
                  Long.toString(generation.predecessorPid()),
                  Long.toString(timeout),
                  Long.toString(generation.pid()));
              publish(
                  current
                      .toJson()
                      .put("type", "not_returned")
                      .put("code", RestartFailure.NOT_RETURNED.code()));
            });
  }

  private void probation() {
    Attempt current = attempt;
    long millis = current.options().getProbation();
    if (millis == 0) {
      fire(Event.SETTLED);
    } else {
      current.timer =
          vertx.setTimer(
              millis,
              id -> {
                if (attempt == current) {
                  fire(Event.SETTLED);
                }
              });
    }
  }

  /** The successor is gone: what it did not take is served here, and what it took is lost. */
  private void returnToService() {
    Attempt lost = attempt;
    attempt = null;
    vertx.cancelTimer(lost.timer);
    // First: what is accepted from now on is not part of it.
    drain.cancel();
    controlDrain.cancel();
    listeners.succeeded(false);
    listeners.accepting(true);
    lost.successor.close();
    own();
    companion = null;
    Courtesy.compilersReturn();
    writePidFile();
    supervision.serves(listeners.open());
    lost.fails(
        RestartFailure.SUCCESSOR_LOST,
        "Process %d died after it was ready: generation %d serves again. See what it wrote to its log."
            .formatted(lost.successor.pid(), generation.number()));
    vitals.restarted(lost);
    remember(lost, drain.report());
    LOG.log(ERROR, "{0}: {1}", lost.failure().failure(), lost.failure().getMessage());
    publish(
        lost.toJson()
            .put("type", "successor_lost")
            .put("code", RestartFailure.SUCCESSOR_LOST.code())
            .put("connections", drain.report().toJson()));
  }

  private void rememberRestart() {
    if (!restartRemembered) {
      LOG.log(INFO, "a restart is remembered until the one that is under way is over");
    }
    restartRemembered = true;
  }

  private void rememberStop() {
    stopRemembered = true;
  }

  private void passOn() {
    if (!handedOver()) {
      LOG.log(WARNING, "no restart: process {0} is stopping", Long.toString(generation.pid()));
      return;
    }
    attempt.successor.send(Handshake.message(Handshake.RESTART));
  }

  /** Whoever serves until this process does is to end with it. */
  private void tellStop() {
    if (predecessor != null && (serving.future().succeeded() || inheritance.isNextImage())) {
      predecessor.sayStopping();
    }
  }

  private void passStop() {
    vertx.cancelTimer(attempt.timer);
    if (isWatched()) {
      attempt.successor.send(Handshake.message(Handshake.STOP));
    }
  }

  /** Not before probation is over: there is no way back from it for a supervisor. */
  private void passMain() {
    if (!attempt.successor.isTaker() && supervision.isMain()) {
      companion = null;
      attempt.successor.send(supervision.passMain(attempt.successor.servingPid()));
    }
  }

  /** Whether a successor serves; attempts that failed are forgotten. */
  private boolean handedOver() {
    return attempt != null && attempt.successor != null;
  }

  private void exit() {
    // Replies that were sent to the event bus just now are delivered before it closes.
    context.runOnContext(
        v ->
            controlDrained()
                .eventually(this::companionGone)
                .eventually(() -> beforeClose.run(vertx, options.getDrainTimeout()))
                .onComplete(done -> closeLines()));
  }

  private static String known(boolean isMain) {
    return isMain ? "systemd is told so" : "no supervisor knows it";
  }

  private void companionEnded(long pid) {
    if (companion != null && companion.pid() == pid) {
      companion.ended();
    }
  }

  private void leaveClassList() {
    if (handedOver() && listeners.hasServed()) {
      Archives.leaveOwnList();
    } else {
      Archives.removeOwnList();
    }
  }

  private Future<?> companionGone() {
    if (companion == null) {
      return Future.succeededFuture();
    }
    Companion awaited = companion;
    vertx.setTimer(options.getDrainTimeout() + KILL_AFTER_MILLIS, id -> awaited.kill());
    return Future.fromCompletionStage(awaited.gone(), context);
  }

  private void closeLines() {
    if (beforeClose.isEmpty()) {
      Courtesy.allYield();
    }
    listeners.close(Listener::isControl);
    leaveClassList();
    if (predecessor != null) {
      predecessor.close();
    }
    if (handedOver()) {
      attempt.successor.close();
    }
    if (pidFile != null) {
      pidFile.remove();
    }
    if (serving.future().isComplete()) {
      closeVertx(() -> System.exit(exitCode));
    } else {
      // To close Vert.x now would fail the deployment of RestartVerticle, which an application may
      // well take for a reason to exit by itself, as a failure.
      new Thread(() -> System.exit(exitCode), "goagain-exit").start();
    }
  }

  /**
   * Undeploys all that is deployed, then ends this process or its image.
   *
   * @param end on a thread of its own: shutdown hooks may wait for an event loop
   */
  private void closeVertx(Runnable end) {
    Thread last = new Thread(end, "goagain-exit");
    AtomicBoolean ends = new AtomicBoolean();
    vertx
        .close()
        .onComplete(
            closed -> {
              if (ends.compareAndSet(false, true)) {
                last.start();
              }
            });
    // Who leaves a cluster may have data to pass on.
    long seconds =
        beforeClose.isEmpty()
            ? CLOSE_TIMEOUT_SECONDS
            : CLOSE_TIMEOUT_SECONDS + TimeUnit.MILLISECONDS.toSeconds(options.getDrainTimeout());
    CompletableFuture.delayedExecutor(seconds, TimeUnit.SECONDS)
        .execute(
            () -> {
              if (ends.compareAndSet(false, true)) {
                LOG.log(
                    WARNING,
                    "Vert.x did not close within {0} s: this is not awaited any longer",
                    seconds);
                last.start();
              }
            });
  }

  private void exitNow() {
    if (handedOver() && attempt.failure() != null) {
      // Given up, and perhaps deaf: without this it would take the end for a chance to go on alone.
      attempt.successor.kill(Processes.KILL);
    }
    if (companion != null) {
      companion.kill();
    }
    new Thread(() -> System.exit(exitCode), "goagain-exit").start();
  }

  private void publish(JsonObject event) {
    if (!event.containsKey("generation")) {
      event.put("generation", generation.number()).put("pid", generation.pid());
    }
    vertx
        .eventBus()
        .publish(RestartMessages.EVENTS, event.put("at", Instant.now().toString()), LOCAL);
  }

  JsonObject status() {
    JsonArray open = new JsonArray();
    for (Listener listener : listeners.open()) {
      open.add(
          new JsonObject()
              .put("name", listener.name())
              .put("address", listener.address().toString())
              .put("kind", listener.address() instanceof ListenerAddress.Unix ? "unix" : "tcp")
              .put("inherited", listener.inherited())
              .put("connections", listeners.connectionsOf(listener)));
    }
    return new JsonObject()
        .put("generation", generation.number())
        .put("pid", generation.pid())
        .put("state", machine.state().name())
        .put("strategy", strategy.strategy().toString())
        .put("upSince", upSince.toString())
        .put("listeners", open)
        .put("inFlight", listeners.inFlight())
        .put("errors", listeners.open().stream().mapToLong(Listener::errors).sum())
        .put("drain", drain == null ? null : drain.report().toJson())
        .put("lastRestart", last == null ? null : last.toJson());
  }

  /**
   * Brings what a successor does onto the context, and drops what belongs to an earlier attempt.
   */
  private final class SuccessorObserver implements Successor.Observer {
    private final Attempt observed;

    SuccessorObserver(Attempt observed) {
      this.observed = observed;
    }

    private void onContext(Runnable action) {
      context.runOnContext(
          v -> {
            if (attempt == observed) {
              action.run();
            }
          });
    }

    @Override
    public void ready(List<String> names) {
      onContext(
          () -> {
            observed.listeners = names;
            observed.reached("ready");
            if (names.isEmpty() && !listeners.open().isEmpty()) {
              failed(
                  RestartFailure.NO_LISTENER,
                  "it said ready and has no server that listens: deploy servers before"
                      + " RestartVerticle");
            } else {
              fire(Event.SUCCESSOR_READY);
            }
          });
    }

    @Override
    public void doing(String what) {
      onContext(
          () -> {
            if (observed.doing == null) {
              observed.reached("booted");
            }
            observed.doing = what;
          });
    }

    @Override
    public void accepting() {
      onContext(() -> fire(Event.SUCCESSOR_ACCEPTING));
    }

    @Override
    public void stopping() {
      onContext(() -> fire(Event.STOP));
    }

    @Override
    public void failed(RestartFailure failure, String reason) {
      onContext(
          () -> {
            if (machine.state() != State.AWAITING_READY) {
              return;
            }
            observed.fails(failure, "Process %d: %s.".formatted(observed.successor.pid(), reason));
            fire(Event.SUCCESSOR_FAILED);
          });
    }

    @Override
    public void standsBy(PosixException failure) {
      onContext(
          () -> {
            if (failure != null) {
              observed.fails(RestartFailure.EXEC_FAILED, failure.getMessage());
            }
            fire(observed.failure() == null ? Event.STANDS_BY : Event.EXEC_IMPOSSIBLE);
          });
    }

    @Override
    public void published(String address) {
      onContext(() -> Restarter.this.published(address));
    }

    @Override
    public void hungUp() {
      onContext(
          () ->
              vertx.setTimer(
                  EXIT_AFTER_EOF_MILLIS,
                  id ->
                      failed(
                          RestartFailure.PROTOCOL_MISMATCH,
                          "it closed the handover channel before it was ready")));
    }

    @Override
    public void gone(String how) {
      context.runOnContext(v -> companionEnded(observed.successor.pid()));
      onContext(
          () -> {
            if (machine.state() == State.AWAITING_READY || machine.state() == State.ABORTING) {
              failsBecauseGone(how);
            }
            fire(Event.SUCCESSOR_GONE);
          });
    }

    private void failsBecauseGone(String how) {
      if (observed.successor.isTaker()) {
        observed.fails(
            RestartFailure.SUCCESSOR_EXITED,
            "Process %d, which asked to take over, ended before it was ready: see its log."
                .formatted(observed.successor.pid()));
      } else if (observed.successor.isChild()) {
        observed.fails(
            RestartFailure.SUCCESSOR_EXITED,
            "Process %d ended before it was ready, %s: see what it wrote to its log."
                .formatted(observed.successor.pid(), how));
      } else {
        standingIn = false;
        boolean isMain = supervision.inheritsMain(generation.predecessorPid(), listeners::open);
        observed.fails(
            RestartFailure.NOT_RETURNED,
            ("Process %d did not come back (%s): its stand-in, process %d, goes on serving, and %s."
                    + " See the log of process %1$d; then start the service again and end process"
                    + " %3$d.")
                .formatted(generation.predecessorPid(), how, generation.pid(), known(isMain)));
      }
    }
  }

  /** Brings what the predecessor does onto the context. */
  private final class PredecessorObserver implements Predecessor.Observer {
    private final long pid;
    private Future<?> states = Future.succeededFuture();

    PredecessorObserver(long pid) {
      this.pid = pid;
    }

    private void onContext(Runnable action) {
      context.runOnContext(v -> action.run());
    }

    @Override
    public void granted() {
      onContext(() -> fire(Event.GRANTED));
    }

    @Override
    public void state(JsonObject message, int descriptor) {
      // In order with the message that ends the state: both wait for the one before.
      states =
          states.eventually(
              () ->
                  vertx
                      .executeBlocking(() -> StateTransfer.read(descriptor, message))
                      .onSuccess(
                          state -> process.handover().received(message.getString("name"), state))
                      .onFailure(
                          failure ->
                              LOG.log(
                                  WARNING,
                                  "state " + message.getString("name") + " is lost",
                                  failure)));
    }

    @Override
    public void ownershipPassedOn() {
      states.eventually(
          () -> {
            onContext(Restarter.this::own);
            return Future.succeededFuture();
          });
    }

    @Override
    public void restartPassedOn() {
      onContext(() -> fire(Event.RESTART));
    }

    @Override
    public void mainPassedOn(boolean named) {
      onContext(
          () -> {
            companion = new Companion(pid);
            supervision.becomesMain(named, pid, listeners::open);
          });
    }

    @Override
    public void stopPassedOn() {
      onContext(() -> fire(Event.STOP));
    }

    @Override
    public void published(String address) {
      onContext(() -> Restarter.this.published(address));
    }

    @Override
    public void executes() {
      onContext(() -> fire(Event.PREDECESSOR_EXECUTES));
    }

    @Override
    public void history(JsonArray restarts) {
      onContext(() -> history.putAll(restarts));
    }

    @Override
    public void vitals(JsonObject snapshot) {
      onContext(
          () -> {
            if (predecessor != null) {
              predecessorVitals = snapshot;
            }
          });
    }

    @Override
    public void aborted(String reason, boolean stop) {
      onContext(
          () -> {
            if (inheritance.isNextImage() && (stop || serviceEnds())) {
              // The stand-in ends too, and is waited for.
              fire(Event.STOP);
              return;
            }
            LOG.log(ERROR, "given up by the predecessor: {0}", reason);
            exitCode = 1;
            listeners.succeeded(true); // by the predecessor itself: its paths stay
            // It goes on, and is neither to be stopped nor waited for.
            companion = null;
            predecessor.close();
            predecessor = null;
            fire(Event.STOP);
          });
    }

    @Override
    public void gone() {
      onContext(
          () -> {
            boolean booting = machine.state() == State.BOOTING;
            predecessorVitals = null;
            LOG.log(
                booting ? WARNING : INFO,
                "generation {0}: predecessor {1} is gone",
                generation.number(),
                Long.toString(pid));
            if (!inheritance.isNextImage()) { // that reaps it
              companionEnded(pid);
            }
            boolean isMain = !serviceEnds() && supervision.inheritsMain(pid, listeners::open);
            if (standingIn) {
              LOG.log(
                  ERROR,
                  "process {0} goes on alone: it stood in for a process that is gone, and {1}",
                  Long.toString(generation.pid()),
                  known(isMain));
              standingIn = false;
              writePidFile();
            }
            fire(booting ? Event.ALONE : Event.PREDECESSOR_GONE);
          });
      ownershipPassedOn(); // behind the state that has come
    }
  }
}
