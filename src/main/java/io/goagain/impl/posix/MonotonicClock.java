package io.goagain.impl.posix;

/**
 * CLOCK_MONOTONIC, as other processes of this machine read it: clock_gettime(2).
 *
 * <p>Not {@link System#nanoTime}. HotSpot's is this very clock on Linux, but its contract is only
 * that differences mean something: the origin is free, and other JVMs choose another one.
 */
public final class MonotonicClock {

  private MonotonicClock() {}

  /** Microseconds since a moment that all processes of a time namespace share. */
  public static long micros() {
    long[] time = new long[2]; // struct timespec: seconds, nanoseconds
    if (LibC.clock_gettime(LibC.CLOCK_MONOTONIC, time) == -1) {
      throw new AssertionError(LibC.failed("clock_gettime(CLOCK_MONOTONIC)"));
    }
    return time[0] * 1_000_000 + time[1] / 1_000;
  }
}
