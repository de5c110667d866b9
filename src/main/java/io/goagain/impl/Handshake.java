package io.goagain.impl;

import io.goagain.Generation;
import io.goagain.impl.net.Listener;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.List;

/**
 * The messages between predecessor and successor. Each side's first one is a hello with the version
 * of the protocol; then:
 *
 * <pre>
 * successor    ready       I could take traffic; these are my listeners
 * predecessor  grant       accept
 * successor    accepting   I do; you can stop
 * successor    stopping    I was told to stop: do not come back when I am gone
 * predecessor  connection  with a descriptor: serve this connection; answered by taken or refused,
 *                          in order
 * predecessor  state       with a descriptor: what the application offers under a name
 * predecessor  own         no more state; you own what must not run twice
 * predecessor  restart     a restart was asked for after I handed over: it is yours
 * predecessor  abort       you are given up: exit
 * </pre>
 *
 * <p>Between ready and accepting both may accept, so that no instant is without one who does.
 */
final class Handshake {

  static final int VERSION = 1;

  static final String READY = "ready";
  static final String GRANT = "grant";
  static final String ACCEPTING = "accepting";
  static final String STATE = "state";
  static final String OWN = "own";
  static final String STOPPING = "stopping";
  static final String RESTART = "restart";
  static final String ABORT = "abort";

  private Handshake() {}

  static JsonObject hello(Generation own) {
    return new JsonObject()
        .put("goagain", VERSION)
        .put("generation", own.number())
        .put("pid", own.pid());
  }

  /** What is wrong with a peer's first message, or null. */
  static String objection(JsonObject hello) {
    Object version = hello.getValue("goagain");
    if (version instanceof Integer number && number == VERSION) {
      return null;
    }
    return version == null
        ? "its first message is no hello: " + hello.encode()
        : "it speaks version " + version + " of the handover protocol, this process " + VERSION;
  }

  static JsonObject message(String type) {
    return new JsonObject().put("type", type);
  }

  static JsonObject ready(List<Listener> listeners) {
    JsonArray names = new JsonArray();
    listeners.forEach(l -> names.add(l.name()));
    return message(READY).put("listeners", names);
  }

  static JsonObject abort(String reason) {
    return message(ABORT).put("reason", reason);
  }
}
