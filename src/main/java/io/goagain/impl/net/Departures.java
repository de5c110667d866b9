package io.goagain.impl.net;

import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/**
 * Tells connections to leave for the successor, a few at a time: the next ones when those before
 * have arrived. What a client sends while its connection is under way waits; until its turn comes,
 * a connection is served. The first one goes alone: it takes tens of milliseconds, as the code that
 * moves it runs for the first time in both processes. Whenever all have arrived, twice as many go.
 */
final class Departures {

  /** So few that none of them waits for many others, and enough to keep both processes at it. */
  private static final int MOST = 64;

  private final ConnectionSender successor;
  private final Consumer<TrackedConnection> tell;
  private final Queue<TrackedConnection> waiting;
  private final CompletableFuture<Void> told = new CompletableFuture<>();
  private boolean telling;
  private int underWay = 1;

  Departures(
      ConnectionSender successor,
      Collection<TrackedConnection> connections,
      Consumer<TrackedConnection> tell) {
    this.successor = successor;
    this.waiting = new ArrayDeque<>(connections);
    this.tell = tell;
  }

  /** Completed, on any thread, when all have been told. */
  CompletableFuture<Void> begin() {
    successor.onProgress(this::proceed);
    proceed();
    return told;
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
      int room = successor.isOver() ? Integer.MAX_VALUE : underWay - moving;
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
