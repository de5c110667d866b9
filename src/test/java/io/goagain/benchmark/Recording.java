package io.goagain.benchmark;

import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import org.HdrHistogram.Histogram;

/**
 * What became of the requests of one lane, in arrays made in advance. Written by one thread, and
 * read when that has ended.
 */
final class Recording {
  private static final long LONGEST = 60_000_000_000L;

  private final long[] due;
  private final long[] latency;
  private final byte[] outcome;
  private int size;
  private int reconnects;

  Recording(int capacity) {
    due = new long[capacity];
    latency = new long[capacity];
    outcome = new byte[capacity];
    // Touched now, so that no page fault is measured.
    Arrays.fill(due, 1);
    Arrays.fill(latency, 1);
    Arrays.fill(outcome, (byte) 1);
  }

  void add(long due, long ended, Outcome outcome) {
    if (size < this.due.length) {
      this.due[size] = due;
      this.latency[size] = ended - due;
      this.outcome[size] = (byte) outcome.ordinal();
      size++;
    }
  }

  void addReconnect() {
    reconnects++;
  }

  /** How often a client that keeps its connection needed a new one. */
  int reconnects() {
    return reconnects;
  }

  /** Adds the latency of what was answered and was due in a span of {@link System#nanoTime()}. */
  void latencies(long from, long to, Histogram into) {
    for (int i = 0; i < size; i++) {
      if (outcome[i] == 0 && due[i] - from >= 0 && due[i] - to < 0) {
        into.recordValue(Math.min(latency[i], LONGEST));
      }
    }
  }

  /** Those that were due in a span and lost, by how. */
  Map<Outcome, Integer> lost(long from, long to) {
    Map<Outcome, Integer> lost = new EnumMap<>(Outcome.class);
    for (int i = 0; i < size; i++) {
      if (outcome[i] != 0 && due[i] - from >= 0 && due[i] - to < 0) {
        lost.merge(Outcome.values()[outcome[i]], 1, Integer::sum);
      }
    }
    return lost;
  }

  /** An empty histogram for what this records, in nanoseconds. */
  static Histogram histogram() {
    return new Histogram(LONGEST, 3);
  }
}
