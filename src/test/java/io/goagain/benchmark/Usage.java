package io.goagain.benchmark;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.LongPredicate;

/** What some processes use of the machine, sampled ten times a second while it is open. */
final class Usage implements AutoCloseable {
  private static final long PERIOD_MILLIS = 100;

  /** The unit of the times in /proc/PID/stat, USER_HZ, is the same on all Linux that runs this. */
  private static final double TICK_SECONDS = 0.01;

  private static final long PAGE = 4096;

  /** Seconds of processor used up to a time, and the bytes resident then. */
  private record Sample(long at, double cpu, long resident) {}

  private final LongPredicate belongs;
  private final Map<Long, Boolean> known = new HashMap<>();
  private final Map<Long, Long> ticks = new HashMap<>();
  private final List<Sample> samples = new ArrayList<>();
  private final Thread thread = new Thread(this::run, "usage");

  /**
   * Begins.
   *
   * @param belongs whether a session, by its number, is one of those to watch
   */
  Usage(LongPredicate belongs) {
    this.belongs = belongs;
    thread.setDaemon(true);
    thread.start();
  }

  /** Seconds of processor that they used in a span. For when this is closed. */
  double cpu(long from, long to) {
    return cpu(to) - cpu(from);
  }

  /** The most bytes that all of them had resident at once in a span, pages they share twice. */
  long peak(long from, long to) {
    return samples.stream()
        .filter(sample -> sample.at() - from >= 0 && sample.at() - to < 0)
        .mapToLong(Sample::resident)
        .max()
        .orElse(0);
  }

  @Override
  public void close() throws InterruptedException {
    thread.interrupt();
    thread.join();
  }

  /** The seconds used at a time, on the line between the samples around it. */
  private double cpu(long at) {
    Sample before = samples.get(0);
    for (Sample sample : samples) {
      if (sample.at() - at >= 0) {
        double part = (double) (at - before.at()) / Math.max(1, sample.at() - before.at());
        return before.cpu() + (sample.cpu() - before.cpu()) * Math.max(0, part);
      }
      before = sample;
    }
    return before.cpu();
  }

  private void run() {
    try {
      while (true) {
        sample();
        TimeUnit.MILLISECONDS.sleep(PERIOD_MILLIS);
      }
    } catch (InterruptedException e) {
      // Closed.
      return;
    } catch (IOException e) {
      throw new IllegalStateException("/proc", e);
    }
  }

  private void sample() throws IOException {
    long resident = 0;
    long at = System.nanoTime();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path entry : entries) {
        resident += look(entry);
      }
    }
    // A process that has ended counts with what it had used when it was last seen.
    long sum = ticks.values().stream().mapToLong(Long::longValue).sum();
    samples.add(new Sample(at, sum * TICK_SECONDS, resident));
  }

  /** Notes what a process has used, and returns the bytes that it has resident. */
  private long look(Path process) {
    long pid = Long.parseLong(process.getFileName().toString());
    if (Boolean.FALSE.equals(known.get(pid))) {
      return 0;
    }
    try {
      String stat = Files.readString(process.resolve("stat"));
      // proc(5): the second field is the name in parentheses, which may contain anything.
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
      boolean ours = belongs.test(Long.parseLong(fields[3]));
      known.put(pid, ours);
      if (!ours) {
        return 0;
      }
      ticks.put(pid, Long.parseLong(fields[11]) + Long.parseLong(fields[12]));
      return PAGE * Long.parseLong(fields[21]);
    } catch (IOException e) {
      // It has ended.
      return 0;
    }
  }
}
