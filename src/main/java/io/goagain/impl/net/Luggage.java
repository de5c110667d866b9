package io.goagain.impl.net;

import io.vertx.core.json.JsonObject;

/**
 * What goes with a connection.
 *
 * @param unread what was read of the next request, to be processed first
 * @param state what the application knows of it, or null
 */
public record Luggage(byte[] unread, byte[] state) {

  static final Luggage NONE = new Luggage(new byte[0], null);

  JsonObject putInto(JsonObject message) {
    if (unread.length > 0) {
      message.put("unread", unread);
    }
    if (state != null) {
      message.put("state", state);
    }
    return message;
  }

  /**
   * As it is in a message.
   *
   * @throws RuntimeException if that is something else
   */
  public static Luggage of(JsonObject message) {
    return new Luggage(message.getBinary("unread", new byte[0]), message.getBinary("state"));
  }
}
