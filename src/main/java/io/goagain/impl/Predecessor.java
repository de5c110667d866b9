package io.goagain.impl;

import static java.lang.System.Logger.Level.WARNING;

import io.goagain.Generation;
import io.goagain.impl.net.HandoverChannel;
import io.goagain.impl.net.Listener;
import io.vertx.core.json.JsonObject;
import java.util.List;

/** What a successor knows of its predecessor: the line to it. */
final class Predecessor {

  /** What a predecessor does, told on the channel's thread. */
  interface Observer {
    void granted();

    void restartPassedOn();

    void aborted(String reason);

    void gone();
  }

  private static final System.Logger LOG = System.getLogger(Predecessor.class.getName());

  private final HandoverChannel channel;

  private Predecessor(HandoverChannel channel) {
    this.channel = channel;
  }

  static Predecessor connect(Inheritance inheritance, Generation own, Observer observer) {
    HandoverChannel channel = HandoverChannel.open(inheritance.messages(), new Messages(observer));
    channel.send(Handshake.hello(own));
    return new Predecessor(channel);
  }

  void sayReady(List<Listener> listeners) {
    channel.send(Handshake.ready(listeners));
  }

  void sayAccepting() {
    channel.send(Handshake.message(Handshake.ACCEPTING));
  }

  void close() {
    channel.close();
  }

  private static final class Messages implements HandoverChannel.Listener {
    private final Observer observer;
    private boolean greeted;

    Messages(Observer observer) {
      this.observer = observer;
    }

    @Override
    public void received(JsonObject message) {
      if (!greeted) {
        greeted = true;
        String objection = Handshake.objection(message);
        if (objection != null) {
          observer.aborted(objection);
        }
        return;
      }
      switch (message.getString("type", "")) {
        case Handshake.GRANT -> observer.granted();
        case Handshake.RESTART -> observer.restartPassedOn();
        case Handshake.ABORT -> observer.aborted(message.getString("reason"));
        default -> LOG.log(WARNING, "unknown message from the predecessor: {0}", message);
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
