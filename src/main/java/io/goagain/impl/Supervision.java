package io.goagain.impl;

import io.goagain.Generation;
import io.goagain.impl.net.Listener;
import io.vertx.core.Vertx;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What systemd is told of a service, by the process that it takes for the main one. That is one at
 * a time: with {@code NotifyAccess=main} nobody else is listened to.
 */
final class Supervision {

  /** Beyond a limit of ours that systemd has to wait for. */
  private static final long SLACK_MILLIS = 15_000;

  private final SystemdNotifier systemd;
  private final Generation generation;
  private final Set<String> stored = new HashSet<>();
  private boolean main;

  Supervision(Vertx vertx, SystemdNotifier systemd, Generation generation, boolean main) {
    this.systemd = systemd;
    this.generation = generation;
    this.main = main && systemd.isThere();
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

  /** The successor is the main process from now on; tells whether this one was it. */
  boolean passMain(long pid) {
    if (!main) {
      return false;
    }
    systemd.mainPid(pid);
    main = false;
    return true;
  }

  /** The predecessor has told systemd so. */
  void becomesMain(List<Listener> listeners) {
    main = true;
    serves(listeners);
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
