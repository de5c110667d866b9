package io.goagain.impl.net;

import static java.lang.System.Logger.Level.WARNING;

import io.goagain.impl.posix.Descriptors;
import io.vertx.core.json.JsonObject;
import java.io.IOException;

/** The other end of a {@link ConnectionSender}: takes connections over. On the channel's thread. */
public final class ConnectionReceiver {

  private static final System.Logger LOG = System.getLogger(ConnectionReceiver.class.getName());

  private final HandoverChannel channel;
  private final Listeners listeners;

  public ConnectionReceiver(HandoverChannel channel, Listeners listeners) {
    this.channel = channel;
    this.listeners = listeners;
  }

  /**
   * It is this process's once the predecessor can know it: before anything is read from it.
   *
   * @param descriptor this object's from now on, or -1
   */
  public void received(JsonObject message, int descriptor) {
    Listener listener = listeners.inheritedAs(message.getString("listener", ""));
    Luggage luggage = Luggage.of(message);
    if (listener == null || descriptor < 0) {
      close(descriptor);
      channel.send(answer(ConnectionSender.REFUSED));
      return;
    }
    channel.send(
        answer(ConnectionSender.TAKEN),
        sent -> {
          if (sent) {
            listeners.adopt(listener, descriptor, luggage);
          } else {
            close(descriptor);
          }
        });
  }

  private static JsonObject answer(String type) {
    return new JsonObject().put("type", type);
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
}
