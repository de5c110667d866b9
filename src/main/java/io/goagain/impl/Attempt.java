package io.goagain.impl;

import io.goagain.RestartFailure;
import io.goagain.RestartOptions;
import io.vertx.core.Promise;
import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** One attempt to restart, from the request to its outcome. Confined to the restarter's context. */
final class Attempt {

  private final RestartOptions options;
  private final boolean comesBack;
  private final int generation;
  private final Instant at = Instant.now();
  private final long begun = System.nanoTime();
  private final Promise<JsonObject> outcome = Promise.promise();
  private final JsonObject phases = new JsonObject();
  private long millis = -1;
  private RestartException failure;

  /** The process, from its spawn on. */
  Successor successor;

  /** Whether it has told by a signal that it accepts before it was known here. */
  boolean acceptsEarly;

  /** What the successor says it serves, once it is ready. */
  List<String> listeners = List.of();

  /** What the successor said last that it waits for, or null. */
  String doing;

  /** What the next image of this process runs, once that is clear. */
  NextCommand nextImage;

  /** The timer that runs: of the ready timeout, of probation, or before a SIGKILL. */
  long timer = -1;

  /**
   * Begins it.
   *
   * @param comesBack whether the successor is a stand-in, and this process's next image follows
   */
  Attempt(RestartOptions options, boolean comesBack, int generation) {
    this.options = options;
    this.comesBack = comesBack;
    this.generation = generation;
  }

  RestartOptions options() {
    return options;
  }

  boolean comesBack() {
    return comesBack;
  }

  int generation() {
    return generation;
  }

  /** The first reason is the one that counts: what comes after follows from it. */
  void fails(RestartFailure reason, String message) {
    fails(new RestartException(reason, message));
  }

  void fails(RestartException reason) {
    if (failure == null) {
      failure = reason;
    }
  }

  RestartException failure() {
    return failure;
  }

  Promise<JsonObject> outcome() {
    return outcome;
  }

  /** How long it took, or has taken so far. */
  long millis() {
    return millis >= 0 ? millis : TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun);
  }

  /** The end of one of its phases. */
  void reached(String phase) {
    phases.put(phase, TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun));
  }

  /** In milliseconds since it was asked for, in their order. */
  JsonObject phases() {
    return phases;
  }

  /** Its outcome is known: it takes no more time. */
  void over() {
    millis = millis();
  }

  /** "OK", or the name of the failure. */
  String outcomeName() {
    return failure == null ? "OK" : failure.failure().name();
  }

  JsonObject toJson() {
    JsonObject json = new JsonObject().put("at", at.toString()).put("generation", generation);
    if (successor != null) {
      json.put("pid", successor.servingPid());
    }
    json.put("outcome", outcomeName());
    if (failure != null) {
      json.put("reason", failure.getMessage());
    }
    return json.put("millis", millis()).put("phases", phases.copy());
  }
}
