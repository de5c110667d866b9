package io.goagain.impl;

import java.util.Map;
import java.util.concurrent.TimeUnit;
import jdk.jfr.FlightRecorder;
import jdk.jfr.RecordingState;

/**
 * HotSpot suspends threads with SIGUSR2, and Flight Recorder samples them that way many times a
 * second, unless {@code _JAVA_SR_SIGNUM} was in the environment when the JVM started. Where it was
 * not, a SIGUSR2 that comes while a recording runs may be no request at all.
 */
final class FlightRecorderTrap {

  static final String VARIABLE = "_JAVA_SR_SIGNUM";

  /** SIGRTMIN + 1 with glibc: signal(7). */
  static final String OTHER_SIGNAL = "35";

  /** Signals that the JVM sent before a recording stopped may still be on their way after it. */
  private static final long ECHO_NANOS = TimeUnit.SECONDS.toNanos(2);

  private static final boolean RECORDER_EXISTS =
      ModuleLayer.boot().findModule("jdk.jfr").isPresent();

  private final boolean armed;
  private boolean seen;
  private long lastSeen;

  FlightRecorderTrap(Map<String, String> environment) {
    String moved = environment.get(VARIABLE);
    armed = RECORDER_EXISTS && (moved == null || moved.equals("12"));
  }

  /** Whether a SIGUSR2 that came now cannot be told from one of the JVM's own. */
  synchronized boolean isSprung() {
    if (!armed) {
      return false;
    }
    if (Recorder.isRecording()) {
      seen = true;
      lastSeen = System.nanoTime();
      return true;
    }
    return seen && System.nanoTime() - lastSeen < ECHO_NANOS;
  }

  static String remedy() {
    return "SIGUSR2 is ignored while Flight Recorder runs, because this JVM uses the same signal"
        + " to sample threads. Start generation 1 with "
        + VARIABLE
        + "="
        + OTHER_SIGNAL
        + " in its environment, or restart by a message to goagain.restart.";
  }

  /** A class of its own, as the module jdk.jfr may be missing. */
  private static final class Recorder {
    static boolean isRecording() {
      return FlightRecorder.isInitialized()
          && FlightRecorder.getFlightRecorder().getRecordings().stream()
              .anyMatch(recording -> recording.getState() == RecordingState.RUNNING);
    }
  }
}
