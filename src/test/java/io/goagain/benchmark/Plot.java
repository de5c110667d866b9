package io.goagain.benchmark;

import java.time.Duration;
import java.util.List;
import java.util.Locale;

/** Latency over time as an SVG image: a panel for each variant, its rounds side by side. */
final class Plot {
  private static final long WIDTH = Duration.ofMillis(50).toNanos();
  private static final double LEFT = 170;
  private static final double RIGHT = 16;
  private static final double TOP = 46;
  private static final double PANEL = 84;
  private static final double GAP = 16;
  private static final double SECOND = 36;
  private static final double BETWEEN = 24;

  /** The ends of the scale, in milliseconds: powers of ten. */
  private static final double LOWEST = 0.1;

  private static final int DECADES = 5;

  private final StringBuilder svg = new StringBuilder();

  private Plot() {}

  static String of(List<Result> results) {
    return new Plot().draw(results.stream().filter(r -> !r.rounds().isEmpty()).toList());
  }

  /** How far below the top of a panel some milliseconds are. */
  static double y(double millis) {
    double decades = Math.log10(Math.max(millis, LOWEST) / LOWEST);
    return PANEL * (1 - Math.min(decades, DECADES) / DECADES);
  }

  private String draw(List<Result> results) {
    double width = 0;
    for (Result result : results) {
      double rounds = 0;
      for (Round round : result.rounds()) {
        rounds += BETWEEN + x(round, round.plottedTo());
      }
      width = Math.max(width, LEFT + rounds - BETWEEN + RIGHT);
    }
    double height = TOP + results.size() * (PANEL + GAP) + 18;
    add(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %.0f %.0f' "
            + "font-family='sans-serif' font-size='11'>",
        width, height);
    add("<rect width='%.0f' height='%.0f' fill='#fff'/>", width, height);
    legend();
    double top = TOP;
    for (Result result : results) {
      panel(result, top, width);
      top += PANEL + GAP;
    }
    add(
        "<text x='%.0f' y='%.0f' fill='#666'>a tick is a second; a panel shows %d restarts</text>",
        LEFT, top + 4, results.stream().mapToInt(r -> r.rounds().size()).max().orElse(0));
    add("</svg>");
    return svg.toString();
  }

  private void legend() {
    add("<text x='8' y='18' font-size='13'>Latency of all requests in each 50 ms, in ms</text>");
    String[] colors = {"#9ecae1", "#08519c", "#d62728", "#ff7f0e", "#2ca02c"};
    String[] words = {"max", "p99", "some were lost", "signal", "ready"};
    double x = 8;
    for (int i = 0; i < words.length; i++) {
      add("<rect x='%.0f' y='26' width='10' height='10' fill='%s'/>", x, colors[i]);
      add("<text x='%.0f' y='35'>%s</text>", x + 14, words[i]);
      x += 30 + 7 * words[i].length();
    }
  }

  private void panel(Result result, double top, double width) {
    add("<text x='8' y='%.1f' font-size='12'>%s</text>", top + PANEL / 2, result.name());
    double millis = LOWEST;
    for (int i = 0; i <= DECADES; i++, millis *= 10) {
      double y = top + y(millis);
      add(
          "<path d='M%.1f %.1fH%.1f' stroke='#e4e4e4'/>"
              + "<text x='%.1f' y='%.1f' text-anchor='end' font-size='9' fill='#666'>%s</text>",
          LEFT, y, width - RIGHT, LEFT - 4, y + 3, format(i == 0 ? "%.1f" : "%.0f", millis));
    }
    double left = LEFT;
    for (Round round : result.rounds()) {
      round(round, left, top);
      left += x(round, round.plottedTo()) + BETWEEN;
    }
  }

  private void round(Round round, double left, double top) {
    double bottom = top + PANEL;
    double step = SECOND * WIDTH / 1e9;
    StringBuilder max = new StringBuilder();
    StringBuilder p99 = new StringBuilder();
    StringBuilder lost = new StringBuilder();
    List<Bucket> buckets =
        Bucket.of(
            List.of(round.kept(), round.fresh()), round.steadyFrom(), round.plottedTo(), WIDTH);
    double x = left;
    for (Bucket bucket : buckets) {
      if (bucket.answered() > 0) {
        max.append(format("M%.1f %.1fV%.1f", x, bottom, top + y(bucket.max())));
        p99.append(format("M%.1f %.1fh%.1f", x - step / 2, top + y(bucket.p99()), step));
      }
      if (bucket.lost() > 0) {
        lost.append(format("M%.1f %.1fv5", x, top));
      }
      x += step;
    }
    add("<path d='%s' stroke='#9ecae1' stroke-width='%.1f'/>", max, step);
    add("<path d='%s' stroke='#08519c' stroke-width='1.2'/>", p99);
    add("<path d='%s' stroke='#d62728' stroke-width='%.1f'/>", lost, step);
    mark(left + x(round, round.restart().signalled()), top, "#ff7f0e");
    mark(left + x(round, round.restart().ready()), top, "#2ca02c");
    for (double second = left; second <= x; second += SECOND) {
      add("<path d='M%.1f %.1fv3' stroke='#666'/>", second, bottom);
    }
  }

  private void mark(double x, double top, String color) {
    add("<path d='M%.1f %.1fv%.1f' stroke='%s'/>", x, top - 3, PANEL + 3, color);
  }

  /** How far right of the beginning of its round a time is. */
  private static double x(Round round, long time) {
    return (time - round.steadyFrom()) / 1e9 * SECOND;
  }

  private void add(String format, Object... arguments) {
    svg.append(format(format, arguments)).append('\n');
  }

  private static String format(String format, Object... arguments) {
    return String.format(Locale.ROOT, format, arguments);
  }
}
