package io.goagain.impl.net;

import static java.lang.System.Logger.Level.WARNING;

import io.goagain.impl.posix.Descriptors;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Moves connections from this process to itself, as they move to a successor: the code that does it
 * has run before it matters, in the process that receives them now, and that will send them when it
 * is replaced. Only those that came in through a {@link PrivateDoor}, and that could move.
 */
public final class Rehearsal implements AutoCloseable {

  /** Nothing is cut here. */
  private static final long LIMIT_MILLIS = 10_000;

  private static final System.Logger LOG = System.getLogger(Rehearsal.class.getName());

  private final Listeners listeners;
  private final HandoverChannel here;
  private final HandoverChannel there;
  private final Set<TrackedConnection> told = ConcurrentHashMap.newKeySet();
  private volatile ConnectionSender sender;

  private Rehearsal(Listeners listeners, int[] messages, int[] descriptors) {
    this.listeners = listeners;
    this.here = HandoverChannel.open(messages[0], descriptors[0], channel -> new Sending());
    this.there =
        HandoverChannel.open(
            messages[1],
            descriptors[1],
            channel -> new Receiving(new ConnectionReceiver(channel, listeners)));
    this.sender = new ConnectionSender(here, listeners);
  }

  /** Opens a line of this process to itself. */
  public static Rehearsal open(Listeners listeners) throws IOException {
    int[] messages = Descriptors.socketPair();
    try {
      return new Rehearsal(listeners, messages, Descriptors.socketPair());
    } catch (IOException e) {
      Descriptors.close(messages[0]);
      Descriptors.close(messages[1]);
      throw e;
    }
  }

  /** Whether there is anything to rehearse: nothing of the application is to notice it. */
  public static boolean isFor(Listener listener) {
    return listener.http() != null
        && listener.address() instanceof ListenerAddress.Inet
        && !listener.http().isSsl()
        && listener.settings().handover()
        && listener.settings().handoverHandler() == null;
  }

  /**
   * Moves all that are there, each when its request is answered; nothing if some are under way. To
   * be called by one thread at a time.
   */
  public void move() {
    if (!told.isEmpty() || !sender.isEmpty()) {
      return;
    }
    List<TrackedConnection> moving =
        listeners.connections().stream()
            .filter(connection -> isFor(connection.listener()))
            .filter(connection -> PrivateDoor.isBehind(connection.channel()))
            .toList();
    told.addAll(moving);
    ConnectionSender to = new ConnectionSender(here, listeners);
    sender = to;
    new Departures(to, moving, Duration.ZERO, connection -> leave(connection, to)).begin();
  }

  private void leave(TrackedConnection connection, ConnectionSender to) {
    connection.channel().closeFuture().addListener(closed -> told.remove(connection));
    connection.leave(to, LIMIT_MILLIS);
  }

  /** When the clients are gone: what is under way would be served twice. */
  @Override
  public void close() {
    sender.close();
    here.close();
    there.close();
  }

  private abstract static class Line implements HandoverChannel.Listener {
    @Override
    public void closed() {}

    @Override
    public void broken(String reason) {
      LOG.log(WARNING, "the line of this process to itself broke: {0}", reason);
    }
  }

  private final class Sending extends Line {
    @Override
    public void received(JsonObject message, int descriptor) {
      if (ConnectionSender.TAKEN.equals(message.getString("type"))) {
        sender.taken();
      } else {
        sender.refused();
      }
    }
  }

  private static final class Receiving extends Line {
    private final ConnectionReceiver receiver;

    Receiving(ConnectionReceiver receiver) {
      this.receiver = receiver;
    }

    @Override
    public void received(JsonObject message, int descriptor) {
      receiver.received(message, descriptor);
    }
  }
}
