package io.goagain.impl;

import io.goagain.Generation;
import io.goagain.impl.net.Listener;
import io.goagain.impl.posix.Processes;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/**
 * What systemd is told of a service, by the process that it takes for the main one. That is one at
 * a time: with {@code NotifyAccess=main} nobody else is listened to.
 */
final class Supervision {

  /** Beyond a limit of ours that systemd has to wait for. */
  private static final long SLACK_MILLIS = 15_000;

  private static final long ADOPTION_POLL_MILLIS = 20;

  private final Vertx vertx;
  private final SystemdNotifier systemd;
  private final Generation generation;
  private final Set<String> stored = new HashSet<>();
  private boolean main;
  private boolean outlives;

  Supervision(Vertx vertx, Map<String, String> environment, Generation generation, boolean main) {
    this.vertx = vertx;
    this.systemd = SystemdNotifier.fromEnvironment(environment, generation.pid());
    this.generation = generation;
    this.main = main && systemd.isThere();
    if (systemd.isThere()) {
      // Needed at the next handover, which nobody can have asked for yet.
      vertx
          .executeBlocking(() -> SystemdUnit.outlivesItsMainProcess(environment), false)
          .onSuccess(answer -> outlives = answer);
    }
    if (systemd.watchdogMillis() > 0) {
      // On an event loop: one that hangs is what the watchdog is for. Whoever is not the main
      // process is ignored, and may be it by the next time.
      vertx.setPeriodic(0, Math.max(1, systemd.watchdogMillis() / 3), id -> systemd.watchdog());
    }
  }

  /** Whether systemd watches this process: the service ends with it. */
  boolean isMain() {
    return main;
  }

  /** This process accepts, and nobody else is the main process. */
  void serves(List<Listener> listeners) {
    if (!main) {
      return;
    }
    systemd.ready(
        "generation %d serves, process %d".formatted(generation.number(), generation.pid()));
    Set<String> now = new HashSet<>();
    for (Listener listener : listeners) {
      systemd.store(listener.name(), listener.descriptor());
      now.add(listener.name());
    }
    stored.removeAll(now);
    stored.forEach(systemd::remove);
    stored.addAll(now);
  }

  /** A successor boots, for no longer than the limit. */
  void restarts(long readyTimeout) {
    if (main) {
      systemd.reloading();
      systemd.extendTimeout(readyTimeout + SLACK_MILLIS);
      systemd.status("generation %d boots".formatted(generation.number() + 1));
    }
  }

  void failed(String reason) {
    if (main) {
      systemd.ready(
          "generation %d serves; the last restart failed: %s"
              .formatted(generation.number(), reason));
    }
  }

  /** A successor serves, on probation. */
  void handedOver(long pid) {
    if (main) {
      systemd.ready(
          "generation %d serves, process %d; generation %d drains"
              .formatted(generation.number() + 1, pid, generation.number()));
    }
  }

  /** This process executes its next image, which is then the one to say ready. */
  void standInServes(long pid) {
    if (main) {
      systemd.status(
          "process %d stands in for generation %d".formatted(pid, generation.number() + 2));
    }
  }

  /**
   * The successor is the main process from now on. One of the two tells systemd, and it is decided
   * here which: they may know different things of their unit, as systemd does not always answer.
   *
   * @return what to say to the successor
   */
  JsonObject passMain(long pid) {
    boolean named = !outlives;
    if (named) {
      systemd.mainPid(pid);
    }
    main = false;
    return Handshake.main(named);
  }

  /**
   * The predecessor leaves this process in its place.
   *
   * @param named whether it has told systemd
   */
  void becomesMain(boolean named, long predecessor, Supplier<List<Listener>> listeners) {
    main = true;
    if (named) {
      serves(listeners.get());
    } else {
      outlives = true; // the predecessor knows it
      namesItself(predecessor, listeners);
    }
  }

  /**
   * The predecessor died before it could do that. Where a unit outlives its main process, it has
   * none from then on: nobody to send the next reload to.
   *
   * @return whether this process is the main one now, as far as can be known
   */
  boolean inheritsMain(long predecessor, Supplier<List<Listener>> listeners) {
    if (!main && systemd.isThere()) {
      main = true;
      namesItself(predecessor, listeners);
    }
    return main;
  }

  private void namesItself(long predecessor, Supplier<List<Listener>> listeners) {
    vertx.setPeriodic(
        ADOPTION_POLL_MILLIS,
        id -> {
          if (Processes.parentPid() != predecessor) {
            vertx.cancelTimer(id);
            systemd.mainPid(generation.pid());
            serves(listeners.get());
          }
        });
  }

  /** The service ends, after no longer than the limit. */
  void stops(long drainTimeout) {
    if (main) {
      systemd.stopping();
      systemd.extendTimeout(drainTimeout + SLACK_MILLIS);
      systemd.status("generation %d drains".formatted(generation.number()));
    }
  }
}
