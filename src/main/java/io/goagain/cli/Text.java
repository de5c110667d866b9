package io.goagain.cli;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The answers for people. A field that another version of the service leaves out is shown as "?"
 * and stops nothing.
 */
final class Text {

  /** Those of an event that stand in fixed places. */
  private static final Set<String> COMMON = Set.of("type", "generation", "pid", "at");

  private Text() {}

  static String status(JsonObject status) {
    List<String> lines = new ArrayList<>();
    lines.add(
        "%s, %s since %s, strategy %s"
            .formatted(
                who(status), of(status, "state"), of(status, "upSince"), of(status, "strategy")));
    for (Object element : array(status, "listeners")) {
      if (element instanceof JsonObject listener) {
        lines.add(
            "listener %s: %s %s, %s, connections: %s"
                .formatted(
                    of(listener, "name"),
                    of(listener, "kind"),
                    of(listener, "address"),
                    Boolean.TRUE.equals(listener.getValue("inherited")) ? "inherited" : "bound",
                    of(listener, "connections")));
      }
    }
    lines.add("requests in flight: " + of(status, "inFlight"));
    if (status.getValue("drain") instanceof JsonObject drain) {
      lines.add("drain: " + counts(drain));
    }
    if (status.getValue("lastRestart") instanceof JsonObject last) {
      lines.add("last restart: " + attempt(last));
    }
    return String.join(System.lineSeparator(), lines);
  }

  static String history(JsonObject history) {
    String lines =
        array(history, "restarts").stream()
            .map(element -> element instanceof JsonObject attempt ? attempt(attempt) : "?")
            .collect(Collectors.joining(System.lineSeparator()));
    return lines.isEmpty() ? "no restart so far" : lines;
  }

  /** One attempt, in one line. */
  private static String attempt(JsonObject attempt) {
    StringBuilder line = new StringBuilder();
    line.append(of(attempt, "at")).append(' ').append(of(attempt, "outcome"));
    line.append(", ").append(who(attempt));
    if (attempt.getValue("predecessorPid") != null) {
      line.append(" after pid ").append(of(attempt, "predecessorPid"));
    }
    line.append(", ").append(of(attempt, "millis")).append(" ms").append(phases(attempt));
    if (attempt.getValue("connections") instanceof JsonObject connections) {
      line.append("; ").append(counts(connections));
    }
    if (attempt.getValue("reason") != null) {
      line.append(": ").append(of(attempt, "reason"));
    }
    return line.toString();
  }

  static String restart(JsonObject outcome) {
    String text =
        "%s serves in place of pid %s after %s ms%s; listeners: %s"
            .formatted(
                who(outcome),
                of(outcome, "predecessorPid"),
                of(outcome, "readyMillis"),
                phases(outcome),
                array(outcome, "listeners").stream()
                    .map(Text::oneLine)
                    .collect(Collectors.joining(", ")));
    return outcome.getValue("drained") instanceof JsonObject drained
        ? text + System.lineSeparator() + "drained; " + counts(drained)
        : text;
  }

  private static String phases(JsonObject outcome) {
    return outcome.getValue("phases") instanceof JsonObject phases && !phases.isEmpty()
        ? phases.stream()
            .map(phase -> phase.getKey() + " " + oneLine(phase.getValue()))
            .collect(Collectors.joining(", ", " (", ")"))
        : "";
  }

  static String counts(JsonObject counts) {
    return "connections: %s finished, %s closed, %s moved, %s cut, in %s ms"
        .formatted(
            of(counts, "finished"),
            of(counts, "closed"),
            of(counts, "moved"),
            of(counts, "cut"),
            of(counts, "millis"));
  }

  static String event(JsonObject event) {
    return of(event, "at") + " " + happening(event);
  }

  /** An event while a restart runs. */
  static String phase(long millis, JsonObject event) {
    return "%6d ms  %s".formatted(millis, happening(event));
  }

  private static String happening(JsonObject event) {
    StringBuilder text = new StringBuilder(of(event, "type")).append(", ").append(who(event));
    for (Map.Entry<String, Object> field : event) {
      if (!COMMON.contains(field.getKey()) && field.getValue() != null) {
        text.append(", ").append(field.getKey()).append(' ').append(oneLine(field.getValue()));
      }
    }
    return text.toString();
  }

  private static String who(JsonObject json) {
    return "generation %s (pid %s)".formatted(of(json, "generation"), of(json, "pid"));
  }

  private static String of(JsonObject json, String field) {
    Object value = json.getValue(field);
    return value == null ? "?" : oneLine(value);
  }

  private static List<?> array(JsonObject json, String field) {
    return json.getValue(field) instanceof JsonArray array ? array.stream().toList() : List.of();
  }

  /** What comes from elsewhere must not make lines of its own, nor move the cursor. */
  static String oneLine(Object value) {
    return String.valueOf(value).strip().replaceAll("\\p{Cntrl}+", " ");
  }

  static String seconds(Duration duration) {
    double seconds = duration.toNanos() / 1e9;
    return seconds == Math.rint(seconds)
        ? Long.toString((long) seconds)
        : String.format(Locale.ROOT, "%.1f", seconds);
  }
}
