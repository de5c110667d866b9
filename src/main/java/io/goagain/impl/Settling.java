package io.goagain.impl;

import java.util.Arrays;

/** Judges by the latency of requests whether there is more to be gained from waiting. */
final class Settling {

  /** How long a window is at least. */
  static final long WINDOW_MILLIS = 100;

  /** Fewer answers have no median worth the name. */
  static final int ANSWERS = 20;

  /** Compilers take a second to come to what is called often. */
  static final int WINDOWS = 10;

  private static final double BETTER = 0.9;

  private long[] window = new long[256];
  private int answers;
  private long best = Long.MAX_VALUE;
  private int withoutProgress;

  void answered(long nanos) {
    if (answers == window.length) {
      window = Arrays.copyOf(window, 2 * answers);
    }
    window[answers++] = nanos;
  }

  /** Ends a window, which lasts on if it has too few answers. */
  void windowEnds() {
    if (answers < ANSWERS) {
      return;
    }
    Arrays.sort(window, 0, answers);
    long median = window[answers / 2];
    answers = 0;
    if (median < BETTER * best) {
      best = median;
      withoutProgress = 0;
    } else {
      withoutProgress++;
    }
  }

  boolean isSettled() {
    return withoutProgress >= WINDOWS;
  }
}
