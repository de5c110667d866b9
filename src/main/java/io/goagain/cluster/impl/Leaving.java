package io.goagain.cluster.impl;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * How a process leaves the event bus of its cluster without losing a message. It takes its
 * consumers back; has every other process look that up and answer, which arrives behind all that
 * that one had sent before; waits until nothing more comes and nothing is in flight; and has every
 * other process answer once more, behind whose answer is all that this one has sent.
 */
final class Leaving {

  private static final System.Logger LOG = System.getLogger(Leaving.class.getName());

  /** What a message may take between the choice of its node and the wire, and from there to us. */
  private static final long ROUND_MILLIS = 200;

  private static final long POLL_MILLIS = 20;
  private static final long ANSWER_MILLIS = 5_000;

  private final Vertx vertx;
  private final Registrations registrations;
  private final InFlight inFlight;
  private final Supplier<List<String>> others;
  private final long limitMillis;
  private final long begun = System.nanoTime();

  /** Begins nothing yet. */
  Leaving(
      Vertx vertx,
      Registrations registrations,
      InFlight inFlight,
      Supplier<List<String>> others,
      long limitMillis) {
    this.vertx = vertx;
    this.registrations = registrations;
    this.inFlight = inFlight;
    this.others = others;
    this.limitMillis = limitMillis;
  }

  /**
   * Leaves.
   *
   * @param successorServes whether whoever is to get the messages is there
   */
  Future<Void> run(BooleanSupplier successorServes) {
    return await("its successor in the cluster", successorServes)
        .compose(v -> registrations.withdraw())
        .compose(this::outlast)
        .compose(
            addresses ->
                await(
                        "what is in flight on the event bus",
                        () -> inFlight.toAnswer() == 0 && inFlight.awaited() == 0)
                    .compose(v -> askOthers(List.of())))
        .onSuccess(
            v ->
                LOG.log(
                    INFO,
                    "left the event bus after {0} ms; {1} messages had still been on their way",
                    millis(),
                    inFlight.stragglers()));
  }

  private long millis() {
    return (System.nanoTime() - begun) / 1_000_000;
  }

  private Future<List<String>> outlast(List<String> addresses) {
    inFlight.watch(Set.copyOf(addresses));
    Promise<List<String>> silent = Promise.promise();
    round(addresses, 2, silent);
    return silent.future();
  }

  /** At least this many, and until a whole one has brought nothing. */
  private void round(List<String> addresses, int least, Promise<List<String>> silent) {
    long before = inFlight.stragglers();
    askOthers(addresses)
        .compose(v -> vertx.timer(ROUND_MILLIS))
        .onComplete(
            v -> {
              boolean quiet = inFlight.stragglers() == before;
              if ((quiet && least <= 1) || millis() >= limitMillis) {
                silent.complete(addresses);
              } else {
                round(addresses, least - 1, silent);
              }
            });
  }

  /** Whoever does not answer is gone or cut off, and is waited for no longer. */
  private Future<Void> askOthers(List<String> addresses) {
    List<Future<?>> answers = new ArrayList<>();
    JsonObject body = new JsonObject().put("addresses", new JsonArray(addresses));
    for (String member : others.get()) {
      answers.add(
          vertx
              .eventBus()
              .request(
                  NodeMessages.withdrawn(member),
                  body,
                  new DeliveryOptions().setSendTimeout(ANSWER_MILLIS))
              .otherwiseEmpty());
    }
    return Future.join(answers).mapEmpty();
  }

  private Future<Void> await(String what, BooleanSupplier condition) {
    Promise<Void> holds = Promise.promise();
    poll(what, condition, holds);
    return holds.future();
  }

  private void poll(String what, BooleanSupplier condition, Promise<Void> holds) {
    if (condition.getAsBoolean()) {
      holds.complete();
    } else if (millis() >= limitMillis) {
      LOG.log(WARNING, "does not wait any longer for {0}", what);
      holds.complete();
    } else {
      vertx.setTimer(POLL_MILLIS, id -> poll(what, condition, holds));
    }
  }
}
