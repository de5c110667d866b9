package io.goagain.impl;

import static java.lang.System.Logger.Level.WARNING;

import io.goagain.impl.posix.PosixException;
import io.goagain.impl.posix.Processes;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import sun.misc.Signal;
import sun.misc.SignalHandler;

/**
 * The process's signals while a restart verticle is deployed. Handlers run on JVM threads. The JDK
 * has no other interface to signals than the one used here, and the compiler warns of it.
 */
final class Signals {

  private static final System.Logger LOG = System.getLogger(Signals.class.getName());

  private static final AtomicBoolean RESTART_ASKED_EARLY = new AtomicBoolean();

  private final Map<Signal, SignalHandler> before = new HashMap<>();

  /**
   * A successor is started with SIGUSR2 blocked. From now on it gets through, and is remembered.
   * Threads that were there before go on blocking it, so this comes before Vert.x makes its own.
   */
  static void rememberRestart() {
    Signal.handle(new Signal("USR2"), received -> RESTART_ASKED_EARLY.set(true));
    try {
      Processes.unblock(Processes.USR2);
    } catch (PosixException e) {
      LOG.log(WARNING, "SIGUSR2 stays blocked: {0}", e.getMessage());
    }
  }

  /** Whether there was one before it could be taken. */
  static boolean wasRestartAskedEarly() {
    return RESTART_ASKED_EARLY.getAndSet(false);
  }

  /** Takes a signal, by its name without "SIG". Where the JVM does not give it, that is logged. */
  void take(String name, Runnable handler) {
    Signal signal = new Signal(name);
    try {
      before.put(signal, Signal.handle(signal, received -> handler.run()));
    } catch (IllegalArgumentException e) {
      LOG.log(
          WARNING,
          "SIG{0} has no effect here: the JVM keeps it ({1}). Without -Xrs it would be free; or"
              + " leave it out of the option signals.",
          name,
          e.getMessage());
    }
  }

  /** Gives all of them back. */
  void release() {
    before.forEach(Signal::handle);
    before.clear();
  }
}
