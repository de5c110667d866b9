package io.goagain.impl.net;

import io.netty.channel.Channel;

/**
 * A connection that came in through an {@link AdoptingServerChannel}: what it speaks, what is in
 * flight on it, and whether it is told to end. Written on its event loop only.
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

  private final Channel channel;
  private final Listener listener;
  private volatile Protocol protocol = Protocol.UNKNOWN;
  private volatile int inFlight;
  private volatile boolean draining;

  TrackedConnection(Channel channel, Listener listener) {
    this.channel = channel;
    this.listener = listener;
  }

  Channel channel() {
    return channel;
  }

  Listener listener() {
    return listener;
  }

  void start() {
    channel.pipeline().addFirst(new ProtocolDetector(this));
  }

  void protocol(Protocol found) {
    protocol = found;
  }

  int inFlight() {
    return inFlight;
  }

  void inFlight(int requests) {
    inFlight = requests;
  }

  /** Whether it is told to end: HTTP/1.1 answers carry {@code Connection: close}. */
  boolean isDraining() {
    return draining;
  }

  void drain() {
    draining = true;
  }

  void resume() {
    draining = false;
  }

  String describe() {
    return "%s from %s on \"%s\" with %d in flight"
        .formatted(protocol, channel.remoteAddress(), listener.name(), inFlight);
  }
}
