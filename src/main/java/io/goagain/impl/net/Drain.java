package io.goagain.impl.net;

import static java.lang.System.Logger.Level.WARNING;

import io.goagain.impl.net.TrackedConnection.Ending;
import java.time.Duration;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
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

  /** Over which connections leave for a successor. */
  private static final Duration SPREAD = Duration.ofMillis(300);

  private final Listeners listeners;
  private final Predicate<Listener> which;
  private final ConnectionSender successor;
  private final Duration timeout;
  private final long begun = System.nanoTime();
  private final Set<TrackedConnection> left = ConcurrentHashMap.newKeySet();
  private final Map<Ending, AtomicInteger> ended = new EnumMap<>(Ending.class);
  private final CompletableFuture<DrainReport> done = new CompletableFuture<>();
  private final CompletableFuture<Void> told = new CompletableFuture<>();
  private volatile boolean started;
  private boolean cancelled;

  Drain(
      Listeners listeners,
      Predicate<Listener> which,
      ConnectionSender successor,
      Duration timeout) {
    this.listeners = listeners;
    this.which = which;
    this.successor = successor;
    this.timeout = timeout;
    for (Ending ending : Ending.values()) {
      ended.put(ending, new AtomicInteger());
    }
  }

  /** Completed, on an event loop or a timer's thread, when no connection is left. Never fails. */
  public CompletableFuture<DrainReport> done() {
    return done;
  }

  /**
   * Completed, on any thread, when every connection that was there has been told to leave, or the
   * drain is done: no request begins here any more. Never fails.
   */
  public CompletableFuture<Void> told() {
    return told;
  }

  void start() {
    if (successor != null) {
      successor.onEmpty(this::completeIfEmpty);
    }
    listeners.passedOn().stream().filter(which).forEach(Listener::leaving);
    Collection<TrackedConnection> present = listeners.connections();
    if (successor == null) {
      present.forEach(this::joined);
      told.complete(null);
    } else {
      leaveForSuccessor(present);
    }
    started = true;
    completeIfEmpty();
    CompletableFuture.delayedExecutor(timeout.toMillis(), TimeUnit.MILLISECONDS)
        .execute(this::cutWhatIsLeft);
  }

  private void leaveForSuccessor(Collection<TrackedConnection> present) {
    List<TrackedConnection> leaving = present.stream().filter(this::add).toList();
    // Whoever waits for that waits no longer than the drain lasts.
    done.whenComplete((report, failure) -> told.complete(null));
    Duration quarter = timeout.dividedBy(4);
    Duration spread = quarter.compareTo(SPREAD) < 0 ? quarter : SPREAD;
    new Departures(successor, leaving, spread, this::tell)
        .begin()
        .thenRun(() -> told.complete(null));
  }

  void joined(TrackedConnection connection) {
    if (add(connection)) {
      tell(connection);
    }
  }

  private boolean add(TrackedConnection connection) {
    return which.test(connection.listener()) && !done.isDone() && left.add(connection);
  }

  /** One that is told now, and one that is to stay after all, hear of it in this order. */
  private synchronized void tell(TrackedConnection connection) {
    if (cancelled) {
      return;
    }
    connection.leave(successor, timeout.toMillis());
    if (!connection.channel().isOpen()) {
      // It closed before it was in the set: nobody else tells.
      left(connection);
    }
  }

  void left(TrackedConnection connection) {
    if (left.remove(connection)) {
      ended.get(connection.ending()).incrementAndGet();
      completeIfEmpty();
    }
  }

  private void completeIfEmpty() {
    if (started && left.isEmpty() && (successor == null || successor.isEmpty())) {
      done.complete(report(List.of()));
    }
  }

  /** How it stands. */
  public DrainReport report() {
    return done.isDone() ? done.join() : report(List.of());
  }

  private DrainReport report(List<TrackedConnection> cut) {
    return new DrainReport(
        ended.get(Ending.FINISHED).get(),
        ended.get(Ending.CLOSED).get(),
        ended.get(Ending.MOVED).get(),
        cut.size(),
        cut.stream().limit(DESCRIBED).map(TrackedConnection::describe).toList(),
        millis());
  }

  /** The predecessor serves again: connections that were told nothing yet go on as before. */
  public void cancel() {
    synchronized (this) {
      cancelled = true;
    }
    if (done.complete(report(List.of()))) {
      left.forEach(TrackedConnection::stay);
    }
  }

  /** Ends the drain now, as at its deadline. */
  public void cutWhatIsLeft() {
    List<TrackedConnection> cut = List.copyOf(left);
    DrainReport report = report(cut);
    if (!done.complete(report)) {
      return;
    }
    if (!cut.isEmpty()) {
      LOG.log(
          WARNING,
          "drain: {0} connection(s) were still open after {1} ms and are closed: {2}",
          cut.size(),
          millis(),
          String.join("; ", report.cutDescriptions()));
    }
    cut.forEach(TrackedConnection::cut);
  }

  private long millis() {
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun);
  }
}
