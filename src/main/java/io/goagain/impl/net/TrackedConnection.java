package io.goagain.impl.net;

import static java.lang.System.Logger.Level.WARNING;

import io.goagain.impl.posix.Descriptors;
import io.goagain.impl.posix.PosixException;
import io.netty.channel.Channel;
import io.netty.channel.unix.UnixChannel;
import io.netty.util.AttributeKey;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * A connection that came in through an {@link AdoptingServerChannel}: what it speaks, what is in
 * flight on it, and how it leaves. Written on its event loop only.
 */
final class TrackedConnection {

  /** What is spoken, as far as it is known. */
  enum Protocol {
    UNKNOWN,
    HTTP_1,
    HTTP_2,
    UPGRADED,
    TCP
  }

  /** How a connection of a drain came to its end. */
  enum Ending {
    /** By itself: the peer or the application closed it. */
    FINISHED,
    /** It was told to close, or closed while it was idle. */
    CLOSED,
    /** The successor has it. */
    MOVED,
    /** It was closed at the deadline, whatever it was doing. */
    CUT
  }

  private static final System.Logger LOG = System.getLogger(TrackedConnection.class.getName());

  /** Where a channel has its tracked connection. */
  static final AttributeKey<TrackedConnection> KEY =
      AttributeKey.valueOf(TrackedConnection.class.getName());

  /** Longer than a client that is active takes to be told. */
  private static final long IDLE_GRACE_MILLIS = 2_000;

  private static final long IDLE_SPREAD_MILLIS = 3_000;

  private final Channel channel;
  private final Listener listener;
  private final ConnectionSender refusedBy;
  private final ProtocolDetector detector;
  private volatile Protocol protocol = Protocol.UNKNOWN;

  private volatile Ending ending = Ending.FINISHED;
  private volatile Leaving leaving;
  private boolean leave;
  private ConnectionSender sender;
  private long leaveMillis;
  private int duplicate = -1;
  private boolean proxied;
  private final List<Runnable> deferred = new ArrayList<>(0);
  private boolean registered;
  private byte[] state;
  private Supplier<byte[]> release;

  /**
   * Not yet started.
   *
   * @param refusedBy whom not to move it to, or null
   */
  TrackedConnection(Channel channel, Listener listener, ConnectionSender refusedBy) {
    this.channel = channel;
    this.listener = listener;
    this.refusedBy = refusedBy;
    this.detector = new ProtocolDetector(this);
    this.leaving = detector;
    channel.attr(KEY).set(this);
  }

  Channel channel() {
    return channel;
  }

  Listener listener() {
    return listener;
  }

  /** Before the channel is registered. */
  void start() {
    channel.pipeline().addFirst(detector);
  }

  /** The detector has found out what is spoken. */
  void speaks(Protocol found, Leaving way) {
    protocol = found;
    leaving = way;
    if (leave) {
      way.leave();
    }
  }

  /** The answer says so; what is spoken from now on is in the pipeline a moment later. */
  void upgraded() {
    speaks(Protocol.UPGRADED, new WebSocketLeaving(this, channel));
    onEventLoop(detector::findHttp2);
  }

  /** Requests that were begun and not answered. Any thread; may lag behind by a moment. */
  int inFlight() {
    return leaving.inFlight();
  }

  Ending ending() {
    return ending;
  }

  void endsAs(Ending how) {
    ending = how;
  }

  /**
   * Lets the connection end or move. Any thread.
   *
   * @param to where it can move, or null
   * @param millis how long it has
   */
  void leave(ConnectionSender to, long millis) {
    onEventLoop(
        () -> {
          leave = true;
          sender = to;
          leaveMillis = millis;
          leaving.leave();
        });
  }

  /** This process goes on serving it after all. Any thread. */
  void stay() {
    onEventLoop(
        () -> {
          leave = false;
          sender = null;
          leaving.stay();
        });
  }

  /** Whether this is still the way in which it leaves. */
  boolean isLeaving(Leaving way) {
    return leaving == way;
  }

  /** Closes it at the deadline. Any thread. */
  void cut() {
    onEventLoop(
        () -> {
          leaving.lastWord();
          channel.close();
        });
  }

  /** The channel has its event loop now. */
  void registered() {
    List<Runnable> now;
    synchronized (deferred) {
      registered = true;
      now = List.copyOf(deferred);
      deferred.clear();
    }
    now.forEach(this::onEventLoop);
  }

  private void onEventLoop(Runnable action) {
    synchronized (deferred) {
      if (!registered) {
        deferred.add(action);
        return;
      }
    }
    channel
        .eventLoop()
        .execute(
            () -> {
              if (channel.isOpen()) {
                action.run();
              }
            });
  }

  /**
   * Closes the connection later, if it is idle then: a client that is active has time to be told,
   * and the others do not come back all at once. On its event loop.
   */
  void closeLater(BooleanSupplier idle) {
    long half = leaveMillis / 2;
    long grace = Math.min(half, IDLE_GRACE_MILLIS);
    long spread = (long) (Math.random() * Math.min(half * 0.8, IDLE_SPREAD_MILLIS));
    channel
        .eventLoop()
        .schedule(
            () -> {
              if (idle.getAsBoolean()) {
                ending = Ending.CLOSED;
                channel.close();
              }
            },
            grace + spread,
            TimeUnit.MILLISECONDS);
  }

  /** Whether there is a successor that takes connections of this listener. */
  boolean canMove() {
    return sender != null
        && sender != refusedBy
        && !sender.isOver()
        && listener.settings().handover();
  }

  /** What an old owner's application knew of it, or null. */
  void state(byte[] ofOldOwner) {
    state = ofOldOwner;
  }

  byte[] state() {
    return state;
  }

  /** Sets what asks the application to let it go with its state, null if it stays. */
  void onRelease(Supplier<byte[]> ask) {
    release = ask;
  }

  /** Null where the application has not said that it can. */
  Supplier<byte[]> release() {
    return release;
  }

  /** It began with the PROXY protocol, which a successor would not see again. */
  void proxied() {
    proxied = true;
  }

  boolean isProxied() {
    return proxied;
  }

  /** Gets what a move needs; where there is none (a full descriptor table) it cannot move. */
  boolean reserveMove() {
    try {
      duplicate = Descriptors.duplicate(((UnixChannel) channel).fd().intValue());
      return true;
    } catch (PosixException e) {
      LOG.log(WARNING, "a connection cannot be handed over, it is closed instead", e);
      sender = null;
      return false;
    }
  }

  /** Gives back what {@link #reserveMove} got. */
  void cancelMove() {
    try {
      Descriptors.close(duplicate);
    } catch (PosixException e) {
      LOG.log(WARNING, "could not close the duplicate of a connection that stays", e);
    }
  }

  /**
   * Ends the connection for Vert.x, and sends it to the successor by the duplicate of its
   * descriptor: as another one is open, the peer does not notice the close.
   */
  void move(Luggage luggage) {
    ending = Ending.MOVED;
    ConnectionSender to = sender;
    to.expect();
    channel.closeFuture().addListener(closed -> to.send(listener, duplicate, luggage));
    channel.close();
  }

  String describe() {
    return "%s from %s on \"%s\" with %d in flight"
        .formatted(protocol, channel.remoteAddress(), listener.name(), inFlight());
  }
}
