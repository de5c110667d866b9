package io.goagain.metrics;

import io.goagain.impl.Vitals;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.TimeGauge;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/** The meters of one registry: of what there is in the process, and of nothing that is gone. */
final class BoundMeters {

  /** A snapshot looks at every connection: there is one for a scrape, not one for each meter. */
  private static final long MAX_AGE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  private static final List<String> STATES =
      List.of(
          "booting",
          "settling",
          "serving",
          "spawning",
          "awaiting_ready",
          "aborting",
          "yielded",
          "returning",
          "executing",
          "draining",
          "exited");

  private record Key(String name, Tags tags) {}

  private record Snapshot(JsonObject vitals, long nanoTime) {}

  private final Vitals vitals;
  private final MeterRegistry registry;
  private final Tags generation;
  private final AtomicBoolean refreshing = new AtomicBoolean();
  private volatile Snapshot snapshot;

  // Both belong to whoever has set "refreshing".
  private final Map<Key, Meter> meters = new HashMap<>();
  private final Set<Key> wanted = new HashSet<>();

  BoundMeters(Vitals vitals, MeterRegistry registry) {
    this.vitals = vitals;
    this.registry = registry;
    this.snapshot = new Snapshot(vitals.toJson(), System.nanoTime());
    this.generation = Tags.of("generation", snapshot.vitals().getValue("generation").toString());
  }

  private JsonObject current() {
    if (System.nanoTime() - snapshot.nanoTime() > MAX_AGE_NANOS) {
      refresh();
    }
    return snapshot.vitals();
  }

  /** Does nothing while somebody else does it: no reader waits, and a registry may read here. */
  void refresh() {
    if (!refreshing.compareAndSet(false, true)) {
      return;
    }
    try {
      JsonObject now = vitals.toJson();
      snapshot = new Snapshot(now, System.nanoTime());
      wanted.clear();
      register(now);
      removeOthers();
    } finally {
      refreshing.set(false);
    }
  }

  private void removeOthers() {
    meters
        .entrySet()
        .removeIf(
            meter -> {
              boolean gone = !wanted.contains(meter.getKey());
              if (gone) {
                registry.remove(meter.getValue());
              }
              return gone;
            });
  }

  private void register(JsonObject now) {
    gauge(
        "goagain.ready",
        "Whether the process accepts connections, 1 or 0.",
        Tags.empty(),
        json -> json.getBoolean("ready") ? 1 : 0);
    for (String state : STATES) {
      gauge(
          "goagain.state",
          "The state of the process: 1 for the one it is in.",
          Tags.of("state", state),
          json -> json.getString("state").equals(state) ? 1 : 0);
    }
    for (String outcome : now.getJsonObject("restarts").fieldNames()) {
      counter(
          "goagain.restarts",
          "Restarts that this process began, by outcome.",
          Tags.of("outcome", outcome),
          json -> json.getJsonObject("restarts").getDouble(outcome, 0.0));
    }
    for (String phase : now.getJsonObject("phases").fieldNames()) {
      seconds(
          "goagain.restart.phase",
          "From the request of the last restart to the end of each of its phases.",
          Tags.of("phase", phase),
          json -> json.getJsonObject("phases").getDouble(phase, Double.NaN));
    }
    JsonArray listeners = now.getJsonArray("listeners");
    for (int i = 0; i < listeners.size(); i++) {
      String listener = listeners.getJsonObject(i).getString("name");
      gauge(
          "goagain.connections",
          "Open connections, by listener.",
          Tags.of("listener", listener),
          json -> ofListener(json, listener, "connections"));
      gauge(
          "goagain.requests.in.flight",
          "Requests that were begun and not answered, by listener.",
          Tags.of("listener", listener),
          json -> ofListener(json, listener, "inFlight"));
    }
    for (String how : now.getJsonObject("ended").fieldNames()) {
      counter(
          "goagain.connections.ended",
          "Connections that drains ended, by how.",
          Tags.of("how", how),
          json -> json.getJsonObject("ended").getDouble(how, 0.0));
    }
    if (now.containsKey("drainMillis")) {
      seconds(
          "goagain.drain",
          "How long the last drain took.",
          Tags.empty(),
          json -> json.getDouble("drainMillis"));
    }
  }

  /** NaN for one that was closed a moment ago. */
  private static double ofListener(JsonObject vitals, String name, String field) {
    JsonArray listeners = vitals.getJsonArray("listeners");
    for (int i = 0; i < listeners.size(); i++) {
      JsonObject listener = listeners.getJsonObject(i);
      if (listener.getString("name").equals(name)) {
        return listener.getDouble(field);
      }
    }
    return Double.NaN;
  }

  // Micrometer refers weakly to the object of a meter, here the vitals, which live as long as the
  // process; and strongly to its function, and so to this.

  private void gauge(
      String name, String description, Tags tags, ToDoubleFunction<JsonObject> value) {
    want(
        new Key(name, tags),
        all ->
            Gauge.builder(name, vitals, v -> value.applyAsDouble(current()))
                .description(description)
                .tags(all)
                .register(registry));
  }

  private void counter(
      String name, String description, Tags tags, ToDoubleFunction<JsonObject> value) {
    want(
        new Key(name, tags),
        all ->
            FunctionCounter.builder(name, vitals, v -> value.applyAsDouble(current()))
                .description(description)
                .tags(all)
                .register(registry));
  }

  private void seconds(
      String name, String description, Tags tags, ToDoubleFunction<JsonObject> millis) {
    want(
        new Key(name, tags),
        all ->
            TimeGauge.builder(
                    name, vitals, TimeUnit.MILLISECONDS, v -> millis.applyAsDouble(current()))
                .description(description)
                .tags(all)
                .register(registry));
  }

  private void want(Key key, Function<Tags, Meter> register) {
    wanted.add(key);
    if (!meters.containsKey(key)) {
      meters.put(key, register.apply(generation.and(key.tags())));
    }
  }
}
