package io.goagain.impl;

import static java.lang.System.Logger.Level.ERROR;

import io.goagain.RestartFailure;
import io.goagain.RestartMessages;
import io.goagain.RestartOptions;
import io.goagain.impl.Inheritance.Asked;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.Message;
import io.vertx.core.eventbus.MessageConsumer;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;

/** The triggers: what comes as a signal or as a message goes to the {@link Restarter} from here. */
public final class RestartService {

  private static final System.Logger LOG = System.getLogger(RestartService.class.getName());

  /** There is one set of signals, and one process to replace. */
  private static final AtomicBoolean DEPLOYED = new AtomicBoolean();

  /** What a message may override. */
  private static final Set<String> REQUEST_FIELDS =
      Set.of(
          "command", "environment", "workingDirectory", "readyTimeout", "drainTimeout", "strategy");

  private final Vertx vertx;
  private final Context context;
  private final RestartOptions options;
  private final Restarter restarter;
  private final Signals signals = new Signals();
  private final FlightRecorderTrap flightRecorder;
  private final List<MessageConsumer<?>> consumers = new ArrayList<>();
  private final AtomicBoolean stopAsked = new AtomicBoolean();
  private boolean trapReported;
  private ControlServer control;

  private RestartService(
      Vertx vertx, RestartOptions options, BeforeReady beforeReady, BeforeClose beforeClose) {
    this.vertx = vertx;
    this.context = vertx.getOrCreateContext();
    this.options = options;
    this.restarter = new Restarter(vertx, options, ThisProcess.get(), beforeReady, beforeClose);
    this.flightRecorder = new FlightRecorderTrap(ThisProcess.get().launch().environment());
  }

  /**
   * On the context of the verticle that owns it.
   *
   * @throws IllegalStateException if this process has one already
   */
  public static RestartService claim(
      Vertx vertx, RestartOptions options, BeforeReady beforeReady, BeforeClose beforeClose) {
    if (!DEPLOYED.compareAndSet(false, true)) {
      throw new IllegalStateException(
          "A RestartVerticle is deployed in this process already: deploy one instance, once.");
    }
    return new RestartService(vertx, options, beforeReady, beforeClose);
  }

  public Future<Void> start() {
    consume(RestartMessages.RESTART, this::restart);
    consume(RestartMessages.STATUS, message -> message.reply(restarter.status()));
    consume(RestartMessages.STOP, this::stop);
    take("USR2", this::restartBySignal);
    take("TERM", () -> stopBySignal(128 + 15));
    take("INT", () -> stopBySignal(128 + 2));
    take("HUP", () -> published(RestartMessages.RELOAD));
    take("USR1", () -> published(RestartMessages.REOPEN));
    signals.take(
        OriginalProtocol.SUCCESSOR_ACCEPTS,
        () -> context.runOnContext(v -> restarter.successorAccepts()));
    return control().compose(listening -> begin());
  }

  private Future<?> control() {
    if (options.getControlSocket() == null || ThisProcess.get().unsupported() != null) {
      return Future.succeededFuture();
    }
    control = new ControlServer(vertx, options, this, restarter);
    restarter.onEnd(control::end);
    return control.listen(
        ControlSocketPath.resolve(
            options.getControlSocket(), ThisProcess.get().launch().environment()));
  }

  private Future<Void> begin() {
    Future<Void> serving = restarter.start();
    Set<Asked> early = EnumSet.noneOf(Asked.class);
    early.addAll(Signals.askedEarly());
    early.addAll(ThisProcess.get().inheritance().asked());
    if (early.contains(Asked.RESTART)) {
      restartBySignal();
    }
    if (early.contains(Asked.STOP)) {
      stopBySignal(128 + 15);
    }
    return serving;
  }

  public Future<?> stop() {
    if (!restarter.isExecuting()) {
      signals.release();
    }
    consumers.forEach(MessageConsumer::unregister);
    restarter.close();
    DEPLOYED.set(false);
    return Future.succeededFuture();
  }

  private void consume(String address, io.vertx.core.Handler<Message<JsonObject>> handler) {
    consumers.add(
        vertx
            .eventBus()
            .<JsonObject>localConsumer(
                address,
                message -> {
                  try {
                    handler.handle(message);
                  } catch (RuntimeException e) {
                    LOG.log(ERROR, "a message to " + address + " could not be answered", e);
                    message.fail(RestartFailure.INTERNAL.code(), e.toString());
                  }
                }));
  }

  private void take(String signal, Runnable handler) {
    if (options.getSignals().contains(signal)) {
      signals.take(signal, handler);
    }
  }

  private void restart(Message<JsonObject> message) {
    restart(message.body())
        .onComplete(message::reply, failure -> message.fail(code(failure), failure.getMessage()));
  }

  /** What a message or the control API asks for; null: nothing in particular. */
  Future<JsonObject> restart(JsonObject request) {
    try {
      return restarter.restart(merged(request));
    } catch (IllegalArgumentException | ClassCastException e) {
      return Future.failedFuture(
          new RestartException(RestartFailure.INVALID_REQUEST, e.getMessage()));
    }
  }

  private RestartOptions merged(JsonObject request) {
    if (request == null) {
      return options;
    }
    for (String field : request.fieldNames()) {
      if (!REQUEST_FIELDS.contains(field)) {
        throw new IllegalArgumentException(
            "\"%s\" is no field of a restart request; there are %s"
                .formatted(field, REQUEST_FIELDS.stream().sorted().toList()));
      }
    }
    return new RestartOptions(options.toJson().mergeIn(request));
  }

  private static int code(Throwable failure) {
    return failure instanceof RestartException known
        ? known.failure().code()
        : RestartFailure.INTERNAL.code();
  }

  private void stop(Message<JsonObject> message) {
    restarter
        .stop()
        .onComplete(
            report -> message.reply(report.toJson()),
            failure -> message.fail(RestartFailure.INTERNAL.code(), failure.getMessage()));
  }

  /** On a thread of the JVM's. */
  private void restartBySignal() {
    if (flightRecorder.isSprung()) {
      if (!trapReported) {
        trapReported = true;
        LOG.log(ERROR, FlightRecorderTrap.remedy());
      }
      return;
    }
    context.runOnContext(v -> restarter.restartBySignal());
  }

  private void stopBySignal(int codeIfImpatient) {
    boolean first = stopAsked.compareAndSet(false, true);
    context.runOnContext(
        v -> {
          if (first) {
            restarter.stop();
          } else {
            restarter.stopNow(codeIfImpatient);
          }
        });
  }

  private void published(String address) {
    context.runOnContext(v -> restarter.published(address));
  }
}
