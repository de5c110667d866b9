package io.goagain.impl;

import io.goagain.Generation;
import io.goagain.impl.net.AdoptingTransport;
import io.goagain.impl.net.InheritedListener;
import io.goagain.impl.net.Listeners;
import io.goagain.impl.posix.Processes;
import java.util.List;

/** What a process is and was started with, found out once, before its first Vert.x instance. */
public final class ThisProcess {

  private static final ThisProcess INSTANCE = new ThisProcess();

  private final Launch launch = Launch.ofThisProcess();
  private final Listeners listeners = new Listeners();
  private final HandoverRegistry handover = new HandoverRegistry();
  private final Inheritance inheritance;
  private final OriginalProtocol original;
  private final Generation generation;
  private final String unsupported;

  private ThisProcess() {
    long pid = ProcessHandle.current().pid();
    unsupported = findUnsupported();
    inheritance =
        unsupported == null
            ? Inheritance.fromEnvironment(launch.environment(), pid)
            : Inheritance.NONE;
    generation = new Generation(inheritance.generation(), pid, inheritance.predecessorPid());
    original =
        unsupported == null && !inheritance.hasPredecessor()
            ? OriginalProtocol.fromEnvironment(launch.environment(), pid, Processes.parentPid())
            : OriginalProtocol.NONE;
    if (inheritance.isNextImage()) {
      Signals.rememberHeld();
    } else if (original.nextImage()) {
      Signals.rememberAll();
    } else if (inheritance.hasPredecessor() || original.hasPeer()) {
      Signals.rememberRestart();
    }
    listeners.inherit(inherited(pid), !inheritance.hasPredecessor() && !original.hasPeer());
  }

  private List<InheritedListener> inherited(long pid) {
    if (unsupported != null || inheritance.hasPredecessor()) {
      return inheritance.listeners();
    }
    return original.listeners().isEmpty()
        ? SocketActivation.fromEnvironment(launch.environment(), pid)
        : original.listeners();
  }

  private static String findUnsupported() {
    String transport = AdoptingTransport.unavailability();
    if (transport != null) {
      return transport;
    }
    try {
      // Loads JNA now: with a full descriptor table, when a restart is asked for, it could not.
      int unused = Processes.parentPid();
      return null;
    } catch (LinkageError e) {
      return "JNA cannot reach the C library: " + e;
    }
  }

  /** Why this process cannot be restarted, or null if it can. */
  String unsupported() {
    return unsupported;
  }

  public static ThisProcess get() {
    return INSTANCE;
  }

  public Generation generation() {
    return generation;
  }

  Launch launch() {
    return launch;
  }

  Inheritance inheritance() {
    return inheritance;
  }

  OriginalProtocol original() {
    return original;
  }

  public HandoverRegistry handover() {
    return handover;
  }

  public Listeners listeners() {
    return listeners;
  }
}
