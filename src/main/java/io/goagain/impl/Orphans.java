package io.goagain.impl;

import io.goagain.impl.posix.Processes;
import io.vertx.core.Vertx;
import java.util.Set;

/**
 * Reaps children that nobody waits for: process 1 of a container is given all orphans, and an image
 * that was executed has the children of the one before. A child that the JVM or this library waits
 * for is reaped at once, so what is a zombie at two looks is nobody's.
 */
final class Orphans {

  private static final long PERIOD_MILLIS = 2_000;

  private Set<Integer> before = Set.of();

  private Orphans() {}

  static void reapPeriodically(Vertx vertx) {
    Orphans orphans = new Orphans();
    vertx.setPeriodic(PERIOD_MILLIS, id -> vertx.executeBlocking(orphans::reap, true));
  }

  private Void reap() {
    Set<Integer> zombies = Processes.zombies();
    zombies.stream().filter(before::contains).forEach(Processes::reap);
    before = zombies;
    return null;
  }
}
