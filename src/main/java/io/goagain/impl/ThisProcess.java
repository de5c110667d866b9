package io.goagain.impl;

import io.goagain.Generation;
import io.goagain.RestartOptions;
import io.goagain.impl.net.AdoptingTransport;
import io.goagain.impl.net.InheritedListener;
import io.goagain.impl.net.Listeners;
import io.goagain.impl.posix.Processes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;

/** What a process is and was started with, found out once, before its first Vert.x instance. */
public final class ThisProcess {

  private static volatile ThisProcess instance;

  private final Launch launch = Launch.ofThisProcess();
  private final Listeners listeners = new Listeners();
  private final HandoverRegistry handover = new HandoverRegistry();
  private final Inheritance inheritance;
  private final OriginalProtocol original;
  private final Generation generation;
  private final Vitals vitals;
  private final String unsupported;

  /** With the options of a process that may take over, or null. */
  private ThisProcess(RestartOptions takingOver) throws IOException {
    long pid = ProcessHandle.current().pid();
    unsupported = findUnsupported();
    Inheritance spawned =
        unsupported == null
            ? Inheritance.fromEnvironment(launch.environment(), pid)
            : Inheritance.NONE;
    InheritedListener control = null;
    if (takingOver != null && unsupported == null && !spawned.hasPredecessor()) {
      Takeover.Result taken =
          Takeover.begin(
              takingOver,
              ControlSocketPath.resolve(takingOver.getControlSocket(), launch.environment()),
              pid);
      spawned = taken.inheritance();
      control = taken.control();
    }
    inheritance = spawned;
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
    if (control != null) {
      listeners.offer(control);
    }
    vitals = new Vitals(generation, listeners);
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
    ThisProcess known = instance;
    return known != null ? known : make();
  }

  private static synchronized ThisProcess make() {
    if (instance == null) {
      try {
        instance = new ThisProcess(null);
      } catch (IOException e) {
        throw new UncheckedIOException(e); // only who takes over does input and output
      }
    }
    return instance;
  }

  /**
   * The same, for one that takes over from whoever serves on the control socket; blocks.
   *
   * @throws IllegalStateException if it is too late for that
   * @throws IOException with a sentence that says why that cannot be
   */
  public static synchronized ThisProcess takingOver(RestartOptions options) throws IOException {
    if (instance != null) {
      throw new IllegalStateException(
          "takeOver comes too late: call it before the first Vert.x instance is made, and before"
              + " Generation.current() or anything else of this library is asked; look at static"
              + " fields, too.");
    }
    ThisProcess made = new ThisProcess(options);
    instance = made;
    return made;
  }

  public Vitals vitals() {
    return vitals;
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
