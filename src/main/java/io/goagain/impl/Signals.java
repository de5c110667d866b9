package io.goagain.impl;

import static java.lang.System.Logger.Level.WARNING;

import io.goagain.impl.Inheritance.Asked;
import io.goagain.impl.posix.PosixException;
import io.goagain.impl.posix.Processes;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import sun.misc.Signal;
import sun.misc.SignalHandler;

/**
 * The process's signals while a restart verticle is deployed. Handlers run on JVM threads. The JDK
 * has no other interface to signals than the one used here, and the compiler warns of it.
 */
final class Signals {

  private static final System.Logger LOG = System.getLogger(Signals.class.getName());

  /** By which a JVM shuts down, unless it has been told otherwise. */
  static final Set<Integer> HELD = Set.of(Processes.TERM, Processes.INT, Processes.HUP);

  private static final Set<Asked> ASKED_EARLY = ConcurrentHashMap.newKeySet();

  private final Map<Signal, SignalHandler> before = new HashMap<>();

  /**
   * A successor is started with SIGUSR2 blocked. From now on it gets through, and is remembered.
   * Threads that were there before go on blocking it, so this comes before Vert.x makes its own.
   */
  static void rememberRestart() {
    Signal.handle(new Signal("USR2"), received -> ASKED_EARLY.add(Asked.RESTART));
    unblock(Processes.USR2);
  }

  /**
   * While one image of this process takes the place of another, a stop must not be lost either: the
   * stand-in would go on. And a new image has nothing to reload or to reopen.
   */
  static void rememberAll() {
    rememberRestart();
    Signal.handle(new Signal("USR1"), received -> {});
    unblock(Processes.USR1);
    try {
      Signal.handle(new Signal("HUP"), received -> {});
      Signal.handle(new Signal("TERM"), received -> ASKED_EARLY.add(Asked.STOP));
      Signal.handle(new Signal("INT"), received -> ASKED_EARLY.add(Asked.STOP));
    } catch (IllegalArgumentException e) {
      LOG.log(WARNING, "the JVM keeps SIGTERM, SIGINT and SIGHUP: {0}", e.getMessage());
    }
  }

  /** The same in the next image, which has been executed with them held. */
  static void rememberHeld() {
    HELD.forEach(Processes::hear);
    rememberAll();
    HELD.forEach(Signals::unblock);
  }

  private static void unblock(int signal) {
    try {
      Processes.unblock(signal);
    } catch (PosixException e) {
      LOG.log(WARNING, "a signal stays blocked: {0}", e.getMessage());
    }
  }

  /** What they asked for meanwhile; told once. */
  static Set<Asked> askedEarly() {
    Set<Asked> asked = Set.copyOf(ASKED_EARLY);
    ASKED_EARLY.removeAll(asked);
    return asked;
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
