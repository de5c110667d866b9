package io.goagain.impl;

import static java.lang.System.Logger.Level.WARNING;

import io.goagain.Generation;
import io.goagain.impl.net.ConnectionReceiver;
import io.goagain.impl.net.ConnectionSender;
import io.goagain.impl.net.HandoverChannel;
import io.goagain.impl.net.Listener;
import io.goagain.impl.net.Listeners;
import io.goagain.impl.posix.Descriptors;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.util.List;
import java.util.Set;

/** What a successor knows of its predecessor: the line to it. */
final class Predecessor {

  /** What a predecessor does, told on the channel's thread. */
  interface Observer {
    void granted();

    /** State of the application; the descriptor is the observer's. */
    void state(JsonObject message, int descriptor);

    void ownershipPassedOn();

    void restartPassedOn();

    /**
     * This process is the one that a supervisor is to watch.
     *
     * @param named whether that has been told so
     */
    void mainPassedOn(boolean named);

    /** The service is to end, and the predecessor waits for that. */
    void stopPassedOn();

    /** A signal that concerns whoever serves: what is to be published on the event bus. */
    void published(String address);

    /** Its next image is the successor of this process, on the same line. */
    void executes();

    /** The restarts of the generations before, and of this one. */
    void history(JsonArray restarts);

    /** What is measured of it while it drains. */
    void vitals(JsonObject snapshot);

    /**
     * Given up.
     *
     * @param stop because the service ends
     */
    void aborted(String reason, boolean stop);

    void gone();
  }

  private static final System.Logger LOG = System.getLogger(Predecessor.class.getName());

  private static final Set<String> WITH_DESCRIPTOR =
      Set.of(ConnectionSender.CONNECTION, Handshake.STATE);

  private final HandoverChannel channel;

  private Predecessor(HandoverChannel channel) {
    this.channel = channel;
  }

  static Predecessor connect(
      Inheritance inheritance, Generation own, Listeners listeners, Observer observer) {
    if (inheritance.line() != null) {
      Messages messages = new Messages(inheritance.line(), listeners, observer);
      messages.greeted = true; // when it handed its listeners over
      inheritance.line().listen(messages);
      return new Predecessor(inheritance.line());
    }
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

  void sayDoing(String what) {
    channel.send(Handshake.doing(what));
  }

  /** What is to follow comes when it is clear that the predecessor can know. */
  void sayFailed(RestartException failure, Runnable then) {
    channel.send(Handshake.failed(failure), sent -> then.run());
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
    private final ConnectionReceiver receiver;
    private final Observer observer;
    private boolean greeted;

    Messages(HandoverChannel channel, Listeners listeners, Observer observer) {
      this.receiver = new ConnectionReceiver(channel, listeners);
      this.observer = observer;
    }

    @Override
    public void received(JsonObject message, int descriptor) {
      if (!greeted && !Handshake.ABORT.equals(message.getString("type"))) {
        greeted = true;
        close(descriptor);
        String objection = Handshake.objection(message);
        if (objection != null) {
          observer.aborted(objection, false);
        }
        return;
      }
      String type = message.getString("type", "");
      switch (type) {
        case ConnectionSender.CONNECTION -> receiver.received(message, descriptor);
        case Handshake.STATE -> state(message, descriptor);
        case Handshake.OWN -> observer.ownershipPassedOn();
        case Handshake.GRANT -> observer.granted();
        case Handshake.RESTART -> observer.restartPassedOn();
        case Handshake.MAIN -> observer.mainPassedOn(message.getBoolean("named", false));
        case Handshake.STOP -> observer.stopPassedOn();
        case Handshake.PUBLISH -> observer.published(Handshake.published(message));
        case Handshake.EXECUTES -> observer.executes();
        case Handshake.HISTORY -> observer.history(Handshake.restarts(message));
        case Handshake.VITALS -> observer.vitals(message.getJsonObject("vitals"));
        case Handshake.ABORT ->
            observer.aborted(message.getString("reason"), message.getBoolean("stop", false));
        default -> LOG.log(WARNING, "unknown message from the predecessor: {0}", message);
      }
      if (!WITH_DESCRIPTOR.contains(type)) {
        close(descriptor);
      }
    }

    private void state(JsonObject message, int descriptor) {
      if (descriptor < 0 || message.getString("name") == null) {
        throw new IllegalArgumentException("state without a name, or without a descriptor");
      }
      observer.state(message, descriptor);
    }

    private static void close(int descriptor) {
      try {
        if (descriptor >= 0) {
          Descriptors.close(descriptor);
        }
      } catch (IOException e) {
        LOG.log(WARNING, "could not close a descriptor that nobody wants", e);
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
