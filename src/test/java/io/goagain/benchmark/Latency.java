package io.goagain.benchmark;

import java.util.Locale;
import org.HdrHistogram.Histogram;

/** Percentiles, in milliseconds. */
record Latency(double p50, double p99, double p999, double max) {
  static Latency of(Histogram histogram) {
    return new Latency(
        histogram.getValueAtPercentile(50) / 1e6,
        histogram.getValueAtPercentile(99) / 1e6,
        histogram.getValueAtPercentile(99.9) / 1e6,
        histogram.getMaxValue() / 1e6);
  }

  /** With two digits that mean something, and not more than one after the point from 10 on. */
  static String format(double millis) {
    return String.format(
        Locale.ROOT, millis < 10 ? "%.2f" : millis < 100 ? "%.1f" : "%.0f", millis);
  }

  @Override
  public String toString() {
    return format(p50) + " / " + format(p99) + " / " + format(p999) + " / " + format(max);
  }
}
