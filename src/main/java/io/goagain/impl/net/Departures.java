package io.goagain.impl.net;

import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Tells connections to leave for the successor, a few at a time: the next ones when those before
 * have arrived. What a client sends while its connection is under way waits; until its turn comes,
 * a connection is served. The first one goes alone: it takes tens of milliseconds, as the code that
 * moves it runs for the first time in both processes. Whenever all have arrived, twice as many go.
 * All of them are spread over a while, in which the successor gets its load little by little.
 */
final class Departures {

  /** So few that none of them waits for many others, and enough to keep both processes at it. */
  private static final int MOST = 64;

  private static final Duration TICK = Duration.ofMillis(10);

  private final ConnectionSender successor;
  private final Consumer<TrackedConnection> tell;
  private final Queue<TrackedConnection> waiting;
  private final int all;
  private final long spreadNanos;
  private final long begun = System.nanoTime();
  private final CompletableFuture<Void> told = new CompletableFuture<>();
  private boolean telling;
  private int underWay = 1;

  /**
   * @param spread one is told every 10 ms, or more than one where that would take longer than this
   */
  Departures(
      ConnectionSender successor,
      Collection<TrackedConnection> connections,
      Duration spread,
      Consumer<TrackedConnection> tell) {
    this.successor = successor;
    this.waiting = new ArrayDeque<>(connections);
    this.all = waiting.size();
    this.spreadNanos = Math.min(spread.toNanos(), all * TICK.toNanos());
    this.tell = tell;
  }

  /** Completed, on any thread, when all have been told. */
  CompletableFuture<Void> begin() {
    successor.onProgress(this::proceed);
    tick();
    return told;
  }

  private void tick() {
    proceed();
    if (!told.isDone()) {
      CompletableFuture.delayedExecutor(TICK.toMillis(), TimeUnit.MILLISECONDS, Runnable::run)
          .execute(this::tick);
    }
  }

  /** How many are to be told by now, and the first one at once. */
  private int due() {
    double passed = (double) (System.nanoTime() - begun) / spreadNanos;
    return passed < 1 ? 1 + (int) (passed * all) : all;
  }

  private void proceed() {
    List<TrackedConnection> next = new ArrayList<>();
    synchronized (this) {
      if (telling) {
        return;
      }
      int moving = successor.underWay();
      if (moving == 0 && successor.hasDelivered()) {
        underWay = Math.min(MOST, 2 * underWay);
      }
      int gone = all - waiting.size();
      int room = successor.isOver() ? waiting.size() : Math.min(underWay - moving, due() - gone);
      while (next.size() < room && !waiting.isEmpty()) {
        next.add(waiting.remove());
      }
      if (next.isEmpty()) {
        if (waiting.isEmpty()) {
          told.complete(null);
        }
        return;
      }
      telling = true;
    }
    next.forEach(tell);
    acted(next)
        .whenComplete(
            (done, failure) -> {
              synchronized (this) {
                telling = false;
              }
              proceed();
            });
  }

  /**
   * When they have done what can be done at once: those that are idle have left. One that has no
   * event loop yet has not read anything, and is told before it does.
   */
  private static CompletableFuture<Void> acted(List<TrackedConnection> told) {
    return told.stream()
        .map(TrackedConnection::channel)
        .filter(Channel::isRegistered)
        .map(Channel::eventLoop)
        .distinct()
        .map(Departures::twoTurns)
        .reduce((one, other) -> one.runAfterBoth(other, () -> {}))
        .orElse(CompletableFuture.completedFuture(null));
  }

  /** Of an event loop: a connection that is told looks in the next turn whether it can leave. */
  private static CompletableFuture<Void> twoTurns(EventLoop loop) {
    return CompletableFuture.runAsync(() -> {}, loop).thenRunAsync(() -> {}, loop);
  }
}
