package io.goagain.impl;

import io.goagain.Generation;
import io.goagain.impl.RestartMachine.State;
import io.goagain.impl.net.DrainReport;
import io.goagain.impl.net.Listener;
import io.goagain.impl.net.Listeners;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What is measured of this process. Written by the {@link Restarter}, read by whoever exports
 * metrics or asks for its health, on any thread.
 */
public final class Vitals {

  private final Generation generation;
  private final Listeners listeners;
  private final Map<String, AtomicLong> restarts = new ConcurrentSkipListMap<>();
  private volatile JsonObject phases = new JsonObject();
  private final Map<String, AtomicLong> ended = new ConcurrentSkipListMap<>();
  private volatile State state = State.BOOTING;
  private volatile long drainMillis = -1;

  Vitals(Generation generation, Listeners listeners) {
    this.generation = generation;
    this.listeners = listeners;
    restarts("ok");
    for (String how : new String[] {"finished", "closed", "moved", "cut"}) {
      ended.put(how, new AtomicLong());
    }
  }

  void state(State now) {
    state = now;
  }

  /** A restart is over. */
  void restarted(Attempt attempt) {
    restarts(attempt.outcomeName()).incrementAndGet();
    phases = attempt.phases().copy();
  }

  private AtomicLong restarts(String outcome) {
    return restarts.computeIfAbsent(outcome.toLowerCase(Locale.ROOT), name -> new AtomicLong());
  }

  void drained(DrainReport report) {
    ended.get("finished").addAndGet(report.finished());
    ended.get("closed").addAndGet(report.closed());
    ended.get("moved").addAndGet(report.moved());
    ended.get("cut").addAndGet(report.cut());
    drainMillis = report.millis();
  }

  /** Whether this process accepts connections and means to go on. */
  public boolean isReady() {
    return isReady(state);
  }

  private static boolean isReady(State state) {
    return switch (state) {
      case SETTLING, SERVING, SPAWNING, AWAITING_READY, ABORTING -> true;
      case BOOTING, YIELDED, RETURNING, EXECUTING, DRAINING, EXITED -> false;
    };
  }

  /**
   * A snapshot: {@code generation}, {@code pid}, {@code state} in lower case, {@code ready}, {@code
   * restarts} (a count for each outcome), {@code phases} (of the last restart, milliseconds since
   * it was asked for), {@code listeners} ({@code name}, {@code connections}, {@code inFlight}),
   * {@code ended} (connections that drains have ended, by how) and, once there was one, {@code
   * drainMillis} of the last drain.
   */
  public JsonObject toJson() {
    JsonArray open = new JsonArray();
    for (Listener listener : listeners.open()) {
      open.add(
          new JsonObject()
              .put("name", listener.name())
              .put("connections", listeners.connectionsOf(listener))
              .put("inFlight", listeners.inFlightOf(listener)));
    }
    State now = state;
    JsonObject json =
        new JsonObject()
            .put("generation", generation.number())
            .put("pid", generation.pid())
            .put("state", now.name().toLowerCase(Locale.ROOT))
            .put("ready", isReady(now))
            .put("restarts", counts(restarts))
            .put("phases", phases.copy())
            .put("listeners", open)
            .put("ended", counts(ended));
    return drainMillis < 0 ? json : json.put("drainMillis", drainMillis);
  }

  private static JsonObject counts(Map<String, AtomicLong> counters) {
    JsonObject json = new JsonObject();
    counters.forEach((name, count) -> json.put(name, count.get()));
    return json;
  }
}
