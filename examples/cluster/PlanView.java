package io.goagain.examples.cluster;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import org.jline.utils.AttributedString;
import org.jline.utils.AttributedStringBuilder;
import org.jline.utils.AttributedStyle;

/** What a terminal shows of a cluster's status: the plan, and a line for each node. */
final class PlanView {

  private static final List<String> PHASES =
      List.of("ORDERED", "RESTARTING", "JOINING", "LEAVING", "BALANCING", "SETTLING");

  private PlanView() {}

  static List<AttributedString> of(JsonObject status) {
    List<AttributedString> lines = new ArrayList<>();
    JsonObject plan = status.getJsonObject("plan");
    lines.add(head(plan));
    lines.add(AttributedString.EMPTY);
    lines.add(dim("  %-24s %-12s %-14s %s".formatted("node", "generation", "phase", "time")));
    for (Object each : plan.getJsonArray("steps")) {
      lines.add(step((JsonObject) each, status.getJsonArray("nodes")));
    }
    JsonObject shares = plan.getJsonObject("shares");
    lines.add(AttributedString.EMPTY);
    lines.add(
        dim(
            "  %.1f s, of which %.1f s waiting for copies and for nodes to settle"
                .formatted(seconds(shares, "millis"), seconds(shares, "waiting"))));
    if (!plan.getBoolean("majority")) {
      lines.add(colored("  No majority of the nodes is seen: nothing goes on.", false));
    }
    if (plan.getString("reason") != null) {
      lines.add(colored("  " + plan.getString("reason"), false));
    }
    return lines;
  }

  private static AttributedString head(JsonObject plan) {
    String state = plan.getString("state");
    return new AttributedStringBuilder()
        .append("Plan ")
        .append(plan.getString("id"))
        .append("  ")
        .append(
            state,
            AttributedStyle.BOLD.foreground(
                state.equals("ABORTED") || state.equals("STOPPING")
                    ? AttributedStyle.RED
                    : AttributedStyle.GREEN))
        .toAttributedString();
  }

  private static AttributedString step(JsonObject step, JsonArray processes) {
    String node = step.getString("node");
    String phase = step.getString("phase");
    List<String> generations = new ArrayList<>();
    for (Object each : processes) {
      JsonObject process = (JsonObject) each;
      if (process.getString("node").equals(node)) {
        generations.add(Integer.toString(process.getInteger("generation")));
      }
    }
    long spent = 0;
    for (Object millis : step.getJsonObject("millis").getMap().values()) {
      spent += ((Number) millis).longValue();
    }
    if (PHASES.contains(phase)) {
      spent += Math.max(0, System.currentTimeMillis() - step.getLong("since"));
    }
    String text =
        "  %-24s %-12s %-14s %s"
            .formatted(
                node,
                generations.isEmpty() ? "gone" : String.join(" + ", generations),
                phase,
                spent == 0 ? "" : "%.1f s".formatted(spent / 1000.0));
    return switch (phase) {
      case "WAITING", "UNTOUCHED" -> dim(text);
      case "FAILED" -> colored(text, false);
      case "DONE" -> colored(text, true);
      default -> new AttributedString(text, AttributedStyle.BOLD);
    };
  }

  private static double seconds(JsonObject shares, String name) {
    return shares.getLong(name) / 1000.0;
  }

  private static AttributedString dim(String text) {
    return new AttributedString(text, AttributedStyle.DEFAULT.faint());
  }

  private static AttributedString colored(String text, boolean good) {
    return new AttributedString(
        text,
        AttributedStyle.DEFAULT.foreground(good ? AttributedStyle.GREEN : AttributedStyle.RED));
  }
}
