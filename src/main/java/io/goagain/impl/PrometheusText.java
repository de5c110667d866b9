package io.goagain.impl;

import static java.util.stream.Collectors.toCollection;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Snapshots of {@link Vitals} in the text format of Prometheus, version 0.0.4: of this process and,
 * while two generations run, of its predecessor.
 */
final class PrometheusText {

  static final String CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

  private record Family(String name, String type, String help) {}

  private static final Family READY =
      new Family("goagain_ready", "gauge", "Whether the process accepts connections, 1 or 0.");
  private static final Family STATE =
      new Family("goagain_state", "gauge", "The state of the process: 1 for the one it is in.");
  private static final Family RESTARTS =
      new Family(
          "goagain_restarts_total", "counter", "Restarts that this process began, by outcome.");
  private static final Family PHASES =
      new Family(
          "goagain_restart_phase_seconds",
          "gauge",
          "From the request of the last restart to the end of each of its phases.");
  private static final Family CONNECTIONS =
      new Family("goagain_connections", "gauge", "Open connections, by listener.");
  private static final Family IN_FLIGHT =
      new Family(
          "goagain_requests_in_flight",
          "gauge",
          "Requests that were begun and not answered, by listener.");
  private static final Family ENDED =
      new Family(
          "goagain_connections_ended_total", "counter", "Connections that drains ended, by how.");
  private static final Family DRAIN =
      new Family("goagain_drain_seconds", "gauge", "How long the last drain took.");

  private static final Set<String> STATES =
      Arrays.stream(RestartMachine.State.values())
          .map(state -> state.name().toLowerCase(Locale.ROOT))
          .collect(toCollection(LinkedHashSet::new));

  /** By family, then by labels as they are written. */
  private final Map<Family, Map<String, Number>> samples = new LinkedHashMap<>();

  private PrometheusText() {
    for (Family family :
        List.of(READY, STATE, RESTARTS, PHASES, CONNECTIONS, IN_FLIGHT, ENDED, DRAIN)) {
      samples.put(family, new LinkedHashMap<>());
    }
  }

  /**
   * What a snapshot from another process lacks, or has in another type, is left out. Of snapshots
   * that claim the same generation the first counts: a series twice would spoil the whole scrape.
   */
  static String of(List<JsonObject> vitals) {
    PrometheusText text = new PrometheusText();
    vitals.forEach(text::add);
    return text.toString();
  }

  private void add(JsonObject vitals) {
    if (!(vitals.getValue("generation") instanceof Number number)) {
      return;
    }
    String generation = number.toString();
    if (vitals.getValue("ready") instanceof Boolean ready) {
      sample(READY, generation, null, null, ready ? 1 : 0);
    }
    // Another version may have states that this one does not know.
    if (vitals.getValue("state") instanceof String current && STATES.contains(current)) {
      for (String state : STATES) {
        sample(STATE, generation, "state", state, state.equals(current) ? 1 : 0);
      }
    }
    counts(RESTARTS, generation, "outcome", vitals.getValue("restarts"));
    if (vitals.getValue("phases") instanceof JsonObject phases) {
      for (Map.Entry<String, Object> phase : phases) {
        seconds(PHASES, generation, "phase", phase.getKey(), phase.getValue());
      }
    }
    if (vitals.getValue("listeners") instanceof JsonArray listeners) {
      for (Object element : listeners) {
        if (element instanceof JsonObject listener
            && listener.getValue("name") instanceof String name) {
          count(CONNECTIONS, generation, "listener", name, listener.getValue("connections"));
          count(IN_FLIGHT, generation, "listener", name, listener.getValue("inFlight"));
        }
      }
    }
    counts(ENDED, generation, "how", vitals.getValue("ended"));
    seconds(DRAIN, generation, null, null, vitals.getValue("drainMillis"));
  }

  private void counts(Family family, String generation, String label, Object counters) {
    if (counters instanceof JsonObject counts) {
      for (Map.Entry<String, Object> entry : counts) {
        count(family, generation, label, entry.getKey(), entry.getValue());
      }
    }
  }

  private void count(Family family, String generation, String label, String value, Object count) {
    if (count instanceof Number number) {
      sample(family, generation, label, value, number.longValue());
    }
  }

  private void seconds(Family family, String generation, String label, String value, Object of) {
    if (of instanceof Number millis) {
      sample(family, generation, label, value, millis.longValue() / 1000.0);
    }
  }

  private void sample(Family family, String generation, String label, String value, Number of) {
    String labels =
        label == null
            ? "generation=\"" + generation + "\""
            : "generation=\"%s\",%s=\"%s\"".formatted(generation, label, escaped(value));
    samples.get(family).putIfAbsent(labels, of);
  }

  private static String escaped(String value) {
    return value.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    samples.forEach(
        (family, values) -> {
          if (!values.isEmpty()) {
            text.append("# HELP ").append(family.name()).append(' ').append(family.help());
            text.append("\n# TYPE ").append(family.name()).append(' ').append(family.type());
            text.append('\n');
            values.forEach(
                (labels, value) ->
                    text.append(family.name())
                        .append('{')
                        .append(labels)
                        .append("} ")
                        .append(value)
                        .append('\n'));
          }
        });
    return text.toString();
  }
}
