package io.goagain.impl;

import io.goagain.Generation;
import io.goagain.impl.net.AdoptingTransport;
import io.goagain.impl.net.Listeners;

/** What a process is and was started with, found out once, before its first Vert.x instance. */
public final class ThisProcess {

  private static final ThisProcess INSTANCE = new ThisProcess();

  private final Launch launch = Launch.ofThisProcess();
  private final Listeners listeners = new Listeners();
  private final HandoverRegistry handover = new HandoverRegistry();
  private final Inheritance inheritance;
  private final Generation generation;

  private ThisProcess() {
    long pid = ProcessHandle.current().pid();
    inheritance =
        AdoptingTransport.unavailability() == null
            ? Inheritance.fromEnvironment(launch.environment())
            : Inheritance.NONE;
    generation = new Generation(inheritance.generation(), pid, inheritance.predecessorPid());
    listeners.inherit(inheritance.listeners(), !inheritance.hasPredecessor());
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

  public HandoverRegistry handover() {
    return handover;
  }

  public Listeners listeners() {
    return listeners;
  }
}
