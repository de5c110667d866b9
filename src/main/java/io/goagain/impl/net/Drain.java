package io.goagain.impl.net;

import static java.lang.System.Logger.Level.WARNING;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;

/** One drain: from the last accept to the last connection, or to the deadline. */
public final class Drain {

  private static final System.Logger LOG = System.getLogger(Drain.class.getName());
  private static final int DESCRIBED = 10;

  private final Listeners listeners;
  private final Predicate<Listener> which;
  private final Duration timeout;
  private final long begun = System.nanoTime();
  private final Set<TrackedConnection> left = ConcurrentHashMap.newKeySet();
  private final AtomicInteger finished = new AtomicInteger();
  private final CompletableFuture<DrainReport> done = new CompletableFuture<>();
  private volatile boolean started;

  Drain(Listeners listeners, Predicate<Listener> which, Duration timeout) {
    this.listeners = listeners;
    this.which = which;
    this.timeout = timeout;
  }

  /** Completed, on an event loop or a timer's thread, when no connection is left. Never fails. */
  public CompletableFuture<DrainReport> done() {
    return done;
  }

  void start() {
    listeners.connections().forEach(this::joined);
    started = true;
    completeIfEmpty();
    CompletableFuture.delayedExecutor(timeout.toMillis(), TimeUnit.MILLISECONDS)
        .execute(this::cutWhatIsLeft);
  }

  void joined(TrackedConnection connection) {
    if (!which.test(connection.listener()) || done.isDone() || !left.add(connection)) {
      return;
    }
    connection.drain();
    if (!connection.channel().isOpen()) {
      // It closed before it was in the set: nobody else tells.
      left(connection);
    }
  }

  void left(TrackedConnection connection) {
    if (left.remove(connection)) {
      finished.incrementAndGet();
      completeIfEmpty();
    }
  }

  private void completeIfEmpty() {
    if (started && left.isEmpty()) {
      done.complete(new DrainReport(finished.get(), 0, List.of(), millis()));
    }
  }

  /** The predecessor serves again: connections that were told nothing yet go on as before. */
  public void cancel() {
    if (done.complete(new DrainReport(finished.get(), 0, List.of(), millis()))) {
      left.forEach(TrackedConnection::resume);
    }
  }

  /** Ends the drain now, as at its deadline. */
  public void cutWhatIsLeft() {
    List<TrackedConnection> cut = List.copyOf(left);
    List<String> described =
        cut.stream().limit(DESCRIBED).map(TrackedConnection::describe).toList();
    if (!done.complete(new DrainReport(finished.get(), cut.size(), described, millis()))) {
      return;
    }
    if (!cut.isEmpty()) {
      LOG.log(
          WARNING,
          "drain: {0} connection(s) were still open after {1} ms and are closed: {2}",
          cut.size(),
          millis(),
          String.join("; ", described));
    }
    cut.forEach(connection -> connection.channel().close());
  }

  private long millis() {
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun);
  }
}
