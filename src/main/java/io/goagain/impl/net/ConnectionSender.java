package io.goagain.impl.net;

import static java.lang.System.Logger.Level.WARNING;

import io.goagain.impl.posix.Descriptors;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;

/**
 * Hands connections to the successor. A connection is this process's until the successor has said
 * that it took it; whatever is not confirmed when the successor dies or refuses is taken back.
 *
 * <p>Safe to use from any thread.
 */
public final class ConnectionSender {

  public static final String CONNECTION = "connection";
  public static final String TAKEN = "taken";
  public static final String REFUSED = "refused";

  private static final System.Logger LOG = System.getLogger(ConnectionSender.class.getName());

  /**
   * The kernel limits how many descriptors may be under way, over all that this user's processes
   * send: unix(7), ETOOMANYREFS. And what is not confirmed is what a successor that dies may lose.
   */
  private static final int MAX_UNCONFIRMED = 100;

  private record Parcel(Listener listener, int descriptor, Luggage luggage) {}

  private final HandoverChannel channel;
  private final Listeners listeners;
  private final Queue<Parcel> waiting = new ArrayDeque<>();
  private final Queue<Parcel> unconfirmed = new ArrayDeque<>();
  private int expected;
  private boolean over;
  private boolean delivered;
  private final List<Runnable> emptied = new ArrayList<>();
  private final List<Runnable> progress = new ArrayList<>();

  public ConnectionSender(HandoverChannel channel, Listeners listeners) {
    this.channel = channel;
    this.listeners = listeners;
  }

  /** Announces a connection, so that nobody takes this for empty while it is detached. */
  synchronized void expect() {
    expected++;
  }

  /** Whether the successor has all that was announced. */
  synchronized boolean isEmpty() {
    return expected == 0;
  }

  /** How many were announced and have not arrived. */
  synchronized int underWay() {
    return expected;
  }

  /** Whether one has arrived. */
  synchronized boolean hasDelivered() {
    return delivered;
  }

  /** Adds what is to be run, on any thread, whenever one has arrived or none will any more. */
  synchronized void onProgress(Runnable action) {
    progress.add(action);
  }

  synchronized boolean isOver() {
    return over;
  }

  /** Adds what is to be run, on any thread, whenever this has become empty. */
  synchronized void onEmpty(Runnable action) {
    emptied.add(action);
  }

  /**
   * Hands over a connection that was announced, and that nothing else in this process reads or
   * writes any more.
   *
   * @param descriptor this object's from now on
   */
  void send(Listener listener, int descriptor, Luggage luggage) {
    Parcel parcel = new Parcel(listener, descriptor, luggage);
    synchronized (this) {
      if (!over) {
        waiting.add(parcel);
        sendWaiting();
        return;
      }
    }
    takeBack(parcel);
  }

  private void sendWaiting() {
    while (!waiting.isEmpty() && unconfirmed.size() < MAX_UNCONFIRMED) {
      Parcel parcel = waiting.remove();
      unconfirmed.add(parcel);
      JsonObject message =
          parcel
              .luggage()
              .putInto(
                  new JsonObject()
                      .put("type", CONNECTION)
                      .put("listener", parcel.listener().name()));
      channel.send(message, parcel.descriptor(), () -> {});
    }
  }

  /** The successor owns the connection that was sent first among those not confirmed. */
  public void taken() {
    Parcel parcel;
    synchronized (this) {
      parcel = unconfirmed.poll();
      delivered |= parcel != null;
      sendWaiting();
    }
    if (parcel != null) {
      try {
        Descriptors.close(parcel.descriptor());
      } catch (IOException e) {
        LOG.log(WARNING, "could not close a connection that was handed over", e);
      }
      settled();
    }
  }

  /** The successor cannot serve it: it has no such server, or does not want connections. */
  public void refused() {
    Parcel parcel;
    synchronized (this) {
      parcel = unconfirmed.poll();
      sendWaiting();
    }
    if (parcel != null) {
      takeBack(parcel);
    }
  }

  /** The successor is gone, or is not to get any more. */
  public void close() {
    Queue<Parcel> mine = new ArrayDeque<>();
    synchronized (this) {
      over = true;
      mine.addAll(unconfirmed);
      mine.addAll(waiting);
      unconfirmed.clear();
      waiting.clear();
    }
    mine.forEach(this::takeBack);
    progressed();
  }

  private void takeBack(Parcel parcel) {
    listeners.adopt(parcel.listener(), parcel.descriptor(), parcel.luggage(), this);
    settled();
  }

  private void settled() {
    List<Runnable> actions;
    synchronized (this) {
      actions = --expected == 0 ? List.copyOf(emptied) : List.of();
    }
    actions.forEach(Runnable::run);
    progressed();
  }

  private void progressed() {
    List<Runnable> actions;
    synchronized (this) {
      actions = List.copyOf(progress);
    }
    actions.forEach(Runnable::run);
  }
}
