package io.goagain.impl;

import static java.lang.System.Logger.Level.WARNING;

import io.goagain.impl.posix.PosixException;
import io.goagain.impl.posix.Processes;
import java.util.concurrent.CompletableFuture;

/**
 * The other process of a restart, seen from the one that a supervisor watches: it must be gone
 * before that is, as a supervisor takes the end of that one for the end of the service.
 */
final class Companion {

  private static final System.Logger LOG = System.getLogger(Companion.class.getName());

  private final int pid;
  private final CompletableFuture<Void> gone = new CompletableFuture<>();

  /** Somebody else knows when it is gone, and tells {@link #ended}. */
  Companion(long pid) {
    this.pid = (int) pid;
  }

  /** One that an earlier image of this process has started: it is reaped here. */
  static Companion ofEarlierImage(int pid) {
    Companion companion = new Companion(pid);
    Thread reaper = new Thread(companion::reap, "goagain-reaper-" + pid);
    reaper.setDaemon(true);
    reaper.start();
    return companion;
  }

  int pid() {
    return pid;
  }

  private void reap() {
    try {
      Processes.waitFor(pid);
    } catch (PosixException e) {
      LOG.log(WARNING, "the end of the stand-in was not seen: {0}", e.getMessage());
    }
    ended();
  }

  void ended() {
    gone.complete(null);
  }

  /** Completes, on any thread, when it has ended. */
  CompletableFuture<Void> gone() {
    return gone;
  }

  void kill() {
    if (gone.isDone()) {
      return;
    }
    try {
      Processes.kill(pid, Processes.KILL);
    } catch (PosixException e) {
      LOG.log(WARNING, "{0}", e.getMessage());
    }
  }
}
