package io.goagain.benchmark;

import java.util.List;
import java.util.Locale;
import java.util.function.Function;

/** Results as tables. */
final class Markdown {
  private Markdown() {}

  static String of(String conditions, List<Result> results) {
    StringBuilder text = new StringBuilder(conditions).append("\n");
    text.append(
        """

        Latency is p50 / p99 / p99.9 / max in milliseconds, of the requests that were answered, from
        when they were due. *Steady*: the %d s before the signal. *Restart*: from the signal to %d s
        after ready. *After ready*: those %d s alone.
        """
            .formatted(Round.STEADY.toSeconds(), Round.AFTER.toSeconds(), Round.AFTER.toSeconds()));
    lane(text, "Connections that are kept", results, true);
    lane(text, "A connection for each request", results, false);
    text.append("\n### Cost\n\n");
    row(
        text,
        "variant",
        "ready after",
        "CPU, steady",
        "CPU, restart",
        "memory, steady",
        "memory, restart");
    row(text, "---", "---:", "---:", "---:", "---:", "---:");
    for (Result result : results) {
      if (!result.rounds().isEmpty()) {
        row(
            text,
            result.name(),
            number("%.0f ms", result.readyMillis()),
            number("%.2f s/s", result.steadyCpu()),
            number("%.2f s", result.restartCpu()),
            number("%.0f MB", result.steadyMemory()),
            number("%.0f MB", result.restartMemory()));
      }
    }
    text.append(
        """

        *CPU, restart*: of all processes together, from the signal to %d s after ready, for one
        restart. Memory is resident, at its most, and counts what processes share once for each.
        """
            .formatted(Round.AFTER.toSeconds()));
    for (Result result : results) {
      if (result.trouble() != null) {
        text.append("\n").append(result.name()).append(": ").append(result.trouble()).append("\n");
      }
    }
    return text.toString();
  }

  private static void lane(StringBuilder text, String title, List<Result> results, boolean kept) {
    Function<Round, Recording> lane = kept ? Round::kept : Round::fresh;
    text.append("\n### ").append(title).append("\n\n");
    row(text, "variant", "failed", "reconnects", "steady", "restart", "after ready");
    row(text, "---", "---:", "---:", "---:", "---:", "---:");
    for (Result result : results) {
      if (!result.rounds().isEmpty()) {
        row(
            text,
            result.name(),
            result.lost(lane),
            kept ? Integer.toString(result.reconnects()) : "",
            result.steady(lane).toString(),
            result.restart(lane).toString(),
            result.afterReady(lane).toString());
      }
    }
  }

  private static String number(String format, double number) {
    return String.format(Locale.ROOT, format, number);
  }

  private static void row(StringBuilder text, String... cells) {
    text.append("| ").append(String.join(" | ", cells)).append(" |\n");
  }
}
