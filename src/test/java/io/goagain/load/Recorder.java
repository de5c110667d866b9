package io.goagain.load;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Keeps what the clients saw. Safe for all threads. */
final class Recorder {
  /** So many failures of each kind are described, the others only counted. */
  private static final int DESCRIBED = 5;

  private final List<Sample> samples = new ArrayList<>();
  private final Map<Failure, List<String>> described = new EnumMap<>(Failure.class);

  /**
   * Adds the end of a request.
   *
   * @param description how it was lost, or null
   */
  synchronized void add(Sample sample, String description) {
    samples.add(sample);
    if (sample.failure() != null) {
      List<String> list = described.computeIfAbsent(sample.failure(), f -> new ArrayList<>());
      if (list.size() < DESCRIBED) {
        list.add(description);
      }
    }
    notifyAll();
  }

  /** Waits until this many more requests have ended, and returns whether they have. */
  synchronized boolean awaitMore(int count, long deadline) throws InterruptedException {
    int wanted = samples.size() + count;
    while (samples.size() < wanted) {
      long millis = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
      if (millis <= 0) {
        return false;
      }
      wait(millis);
    }
    return true;
  }

  synchronized List<Sample> samples() {
    return List.copyOf(samples);
  }

  synchronized List<String> described() {
    return described.values().stream().flatMap(List::stream).toList();
  }
}
