package io.goagain.benchmark;

import io.goagain.benchmark.Service.Restart;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * One restart of one service under load.
 *
 * @param kept the requests on connections that are kept
 * @param fresh the requests that each have a connection of their own
 * @param usage what the processes used meanwhile
 */
record Round(Recording kept, Recording fresh, Usage usage, Restart restart) {
  /** Load before anything counts. */
  static final Duration WARM = Duration.ofMillis(2000);

  /** The steady state, up to the signal. */
  static final Duration STEADY = Duration.ofMillis(3000);

  /** How long after ready is counted, from the signal on and alone. */
  static final Duration AFTER = Duration.ofMillis(2000);

  /** How much longer is plotted. */
  private static final Duration REST = Duration.ofMillis(1000);

  /** New connections for each hundred requests on those that are kept. */
  private static final double FRESH = 0.1;

  /** So many at once, in a stall that is no worse than those of other clients. */
  private static final int FRESH_CLIENTS = 256;

  /** Restarts a service under load. */
  static Round run(Service service, int rate, int connections) throws Exception {
    // More than any round takes: its parts, a start, and the timeouts.
    int seconds = 60;
    Recording kept = new Recording(rate * seconds);
    Recording fresh = new Recording((int) (rate * FRESH * seconds));
    Generator load =
        new Generator(
            service.port(),
            List.of(
                new Lane(true, connections, rate, kept),
                new Lane(false, FRESH_CLIENTS, rate * FRESH, fresh)));
    Usage usage = new Usage(service::owns);
    Restart restart;
    load.start();
    try (usage) {
      // Time itself is what is waited for here.
      sleep(WARM.plus(STEADY));
      restart = service.restart();
      sleep(AFTER.plus(REST));
    } finally {
      load.stop();
    }
    service.settle();
    return new Round(kept, fresh, usage, restart);
  }

  /** Load that nobody looks at, for the compilers of both sides. */
  static void warm(Service service, int rate, int connections, Duration length) throws Exception {
    Recording ignored = new Recording(1);
    Generator load =
        new Generator(
            service.port(),
            List.of(
                new Lane(true, connections, rate, ignored),
                new Lane(false, FRESH_CLIENTS, rate * FRESH, ignored)));
    load.start();
    try {
      sleep(length);
    } finally {
      load.stop();
    }
  }

  long steadyFrom() {
    return restart.signalled() - STEADY.toNanos();
  }

  long countedTo() {
    return restart.ready() + AFTER.toNanos();
  }

  long plottedTo() {
    return countedTo() + REST.toNanos() - TimeUnit.MILLISECONDS.toNanos(100);
  }

  private static void sleep(Duration length) throws InterruptedException {
    TimeUnit.NANOSECONDS.sleep(length.toNanos());
  }
}
