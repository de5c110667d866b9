package io.goagain.impl;

import static java.lang.System.Logger.Level.WARNING;

import io.goagain.Generation;
import io.goagain.impl.net.ConnectionSender;
import io.goagain.impl.net.HandoverChannel;
import io.goagain.impl.net.Listener;
import io.goagain.impl.net.Listeners;
import io.goagain.impl.posix.Descriptors;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.util.List;

/** What a successor knows of its predecessor: the line to it. */
final class Predecessor {

  /** What a predecessor does, told on the channel's thread. */
  interface Observer {
    void granted();

    /** State of the application; the descriptor is the observer's. */
    void state(JsonObject message, int descriptor);

    void ownershipPassedOn();

    void restartPassedOn();

    /** This process is the one that a supervisor watches. */
    void mainPassedOn();

    /** The service is to end, and the predecessor waits for that. */
    void stopPassedOn();

    /** A signal that concerns whoever serves: what is to be published on the event bus. */
    void published(String address);

    /** Its next image is the successor of this process, on the same line. */
    void executes();

    /**
     * Given up.
     *
     * @param stop because the service ends
     */
    void aborted(String reason, boolean stop);

    void gone();
  }

  private static final System.Logger LOG = System.getLogger(Predecessor.class.getName());

  private final HandoverChannel channel;

  private Predecessor(HandoverChannel channel) {
    this.channel = channel;
  }

  static Predecessor connect(
      Inheritance inheritance, Generation own, Listeners listeners, Observer observer) {
    HandoverChannel channel =
        HandoverChannel.open(
            inheritance.messages(),
            inheritance.descriptors(),
            line -> new Messages(line, listeners, observer));
    channel.send(Handshake.hello(own));
    return new Predecessor(channel);
  }

  /** A stand-in: this process takes over from it, without a next image. */
  static Predecessor standIn(
      HandoverChannel line, Generation own, Listeners listeners, Observer observer) {
    line.listen(new Messages(line, listeners, observer));
    line.send(Handshake.hello(own));
    return new Predecessor(line);
  }

  void sayReady(List<Listener> listeners) {
    channel.send(Handshake.ready(listeners));
  }

  void sayAccepting() {
    channel.send(Handshake.message(Handshake.ACCEPTING));
  }

  void sayStopping() {
    channel.send(Handshake.message(Handshake.STOPPING));
  }

  void sayPublish(String address) {
    channel.send(Handshake.publish(address));
  }

  /** For what follows on it: it is not this object's any more. */
  HandoverChannel line() {
    return channel;
  }

  void close() {
    channel.close();
  }

  private static final class Messages implements HandoverChannel.Listener {
    private final HandoverChannel channel;
    private final Listeners listeners;
    private final Observer observer;
    private boolean greeted;

    Messages(HandoverChannel channel, Listeners listeners, Observer observer) {
      this.channel = channel;
      this.listeners = listeners;
      this.observer = observer;
    }

    @Override
    public void received(JsonObject message, int descriptor) {
      if (!greeted && !Handshake.ABORT.equals(message.getString("type"))) {
        greeted = true;
        String objection = Handshake.objection(message);
        if (objection != null) {
          observer.aborted(objection, false);
        }
        return;
      }
      switch (message.getString("type", "")) {
        case ConnectionSender.CONNECTION -> connection(message, descriptor);
        case Handshake.STATE -> observer.state(message, descriptor);
        case Handshake.OWN -> observer.ownershipPassedOn();
        case Handshake.GRANT -> observer.granted();
        case Handshake.RESTART -> observer.restartPassedOn();
        case Handshake.MAIN -> observer.mainPassedOn();
        case Handshake.STOP -> observer.stopPassedOn();
        case Handshake.PUBLISH -> observer.published(message.getString("address"));
        case Handshake.EXECUTES -> observer.executes();
        case Handshake.ABORT ->
            observer.aborted(message.getString("reason"), message.getBoolean("stop", false));
        default -> LOG.log(WARNING, "unknown message from the predecessor: {0}", message);
      }
    }

    /** It is this process's once the predecessor can know it: before anything is read from it. */
    private void connection(JsonObject message, int descriptor) {
      Listener listener = listeners.inheritedAs(message.getString("listener", ""));
      if (listener == null || descriptor < 0) {
        close(descriptor);
        channel.send(Handshake.message(ConnectionSender.REFUSED));
        return;
      }
      channel.send(
          Handshake.message(ConnectionSender.TAKEN),
          sent -> {
            if (sent) {
              listeners.adopt(listener, descriptor, message);
            } else {
              close(descriptor);
            }
          });
    }

    private static void close(int descriptor) {
      try {
        if (descriptor >= 0) {
          Descriptors.close(descriptor);
        }
      } catch (IOException e) {
        LOG.log(WARNING, "could not close a connection that was not taken", e);
      }
    }

    @Override
    public void closed() {
      observer.gone();
    }

    @Override
    public void broken(String reason) {
      LOG.log(WARNING, "the predecessor is given up: {0}", reason);
      observer.gone();
    }
  }
}
