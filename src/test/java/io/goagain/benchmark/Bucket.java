package io.goagain.benchmark;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.HdrHistogram.Histogram;

/**
 * The requests that were due in a short span.
 *
 * @param answered how many were answered
 * @param p99 of their latency, in milliseconds
 * @param max of their latency, in milliseconds
 * @param lost how many were lost
 */
record Bucket(long answered, double p99, double max, int lost) {
  /** The buckets of a given width that fit into a span, over some lanes together. */
  static List<Bucket> of(List<Recording> lanes, long from, long to, long width) {
    List<Bucket> buckets = new ArrayList<>();
    Histogram histogram = Recording.histogram();
    for (long at = from; at + width - to <= 0; at += width) {
      histogram.reset();
      int lost = 0;
      for (Recording lane : lanes) {
        lane.latencies(at, at + width, histogram);
        Map<Outcome, Integer> by = lane.lost(at, at + width);
        lost += by.values().stream().mapToInt(Integer::intValue).sum();
      }
      Latency latency = Latency.of(histogram);
      buckets.add(new Bucket(histogram.getTotalCount(), latency.p99(), latency.max(), lost));
    }
    return buckets;
  }
}
