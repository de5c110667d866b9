package io.goagain.process;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.process.AppProcess.Generation;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** Restarts of a program under test. */
final class Restarts {
  static final boolean LONG = Boolean.getBoolean("goagain.long");

  /** How many restarts a test does; the system property goagain.long makes it more. */
  static final int COUNT = LONG ? 20 : 3;

  /** Options where probation is not the subject: the next restart waits for it. */
  static final String QUICK = "{\"probation\":300}";

  private static final Pattern READY = Pattern.compile("^ready generation=(\\d+) pid=(\\d+)$");
  private static final Pattern DRAINED = Pattern.compile("generation (\\d+): drained: (\\{.*\\})");

  private Restarts() {}

  /** One number for the normal run, and one for the long one. */
  static int rounds(int normal, int inTheLongRun) {
    return LONG ? inTheLongRun : normal;
  }

  /** Asks the newest process for a restart, and waits until the successor has said ready. */
  static Generation ask(AppProcess app) throws Exception {
    return ask(app, app.newest().pid());
  }

  /** Asks a process for a restart, and waits until the successor has said ready. */
  static Generation ask(AppProcess app, long pid) throws Exception {
    app.fromNow().signal(pid, "USR2");
    return awaitReady(app);
  }

  /** Waits for the next process that says ready, whichever its generation. */
  static Generation awaitReady(AppProcess app) {
    MatchResult line = app.awaitLine(READY);
    return new Generation(Integer.parseInt(line.group(1)), Long.parseLong(line.group(2)));
  }

  /** Restarts, and waits until the predecessor is gone. */
  static Generation restart(AppProcess app) throws Exception {
    long old = app.newest().pid();
    Generation next = ask(app);
    awaitGone(app, old);
    return next;
  }

  /** Waits until a process has ended, well if the kernel tells. */
  static void awaitGone(AppProcess app, long pid) throws InterruptedException {
    OptionalInt code = app.awaitExit(pid);
    if (code.orElse(0) != 0) {
      throw app.failure("process " + pid + " exited with " + code.getAsInt());
    }
  }

  /** Waits for what a generation says of its drain, which need not be over yet. */
  static JsonObject awaitDrained(AppProcess app, int generation) {
    while (true) {
      MatchResult line = app.fromStart().awaitLine(DRAINED);
      while (Integer.parseInt(line.group(1)) != generation) {
        line = app.awaitLine(DRAINED);
      }
      return new JsonObject(line.group(2));
    }
  }

  /** What goagain.status says, from whichever process answers. */
  static JsonObject status(AppProcess app) throws IOException {
    try (RawHttp wire = RawHttp.connect(app.socketAddress("admin"))) {
      return new JsonObject(wire.get("/status").text());
    }
  }

  /**
   * Waits until the next process answers on connections that move to it. Until it has heard that
   * this one accepts, the old one may answer, and nobody else.
   */
  static void awaitMoved(AppProcess app, long old, Generation next, List<RawHttp> wires)
      throws InterruptedException {
    for (RawHttp wire : wires) {
      poll(
          "an answer of process " + next.pid() + " on " + wire,
          app,
          () -> {
            long pid = pid(wire);
            assertTrue(pid == old || pid == next.pid(), wire::toString);
            return pid == next.pid();
          });
    }
  }

  private static long pid(RawHttp wire) {
    try {
      return wire.pid();
    } catch (IOException e) {
      throw new UncheckedIOException(wire.toString(), e);
    }
  }

  /** Waits for what nobody tells, like a number of descriptors, by looking again and again. */
  static void poll(String what, AppProcess app, BooleanSupplier condition)
      throws InterruptedException {
    long deadline = System.nanoTime() + AppProcess.LIMIT.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - deadline > 0) {
        throw app.failure("waited in vain: " + what);
      }
      TimeUnit.MILLISECONDS.sleep(20);
    }
  }
}
