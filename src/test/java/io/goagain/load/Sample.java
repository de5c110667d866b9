package io.goagain.load;

/**
 * What became of one request.
 *
 * @param workload the name of its workload
 * @param scheduled when it was due, as {@link System#nanoTime()}
 * @param ended when it was answered or lost, as {@link System#nanoTime()}
 * @param latency nanoseconds from when it was due to its end, less the wait that it asked for
 * @param failure how it was lost, or null
 * @param generation the generation that answered, 0 if the answer does not say
 * @param pid the process that answered, 0 if the answer does not say
 */
public record Sample(
    String workload,
    long scheduled,
    long ended,
    long latency,
    Failure failure,
    int generation,
    long pid) {
  /** Whether it was due before the end of some time, and not over when that began. */
  boolean within(long from, long to) {
    return ended - from >= 0 && scheduled - to < 0;
  }
}
