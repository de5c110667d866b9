package io.goagain.impl;

import io.goagain.Generation;
import io.goagain.RestartMessages;
import io.goagain.impl.Inheritance.Handed;
import io.goagain.impl.net.Listener;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;

/**
 * The messages between predecessor and successor. Each side's first one is a hello with the version
 * of the protocol; then:
 *
 * <pre>
 * successor    ready       I could take traffic; these are my listeners
 * successor    doing       what I wait for before ready
 * successor    failed      I will not be ready, and why
 * predecessor  grant       accept
 * successor    accepting   I do; you can stop
 * successor    stopping    I was told to stop: do not come back when I am gone
 * predecessor  connection  with a descriptor: serve this connection; answered by taken or refused,
 *                          in order
 * predecessor  state       with a descriptor: what the application offers under a name
 * predecessor  own         no more state; you own what must not run twice
 * predecessor  restart     a restart was asked for after I handed over: it is yours
 * predecessor  main        you are the process that the supervisor watches now
 * predecessor  stop        the service ends, stop too: the predecessor is watched, and waits
 * predecessor  abort       you are given up: exit
 * </pre>
 *
 * <p>In the double strategy the predecessor becomes the successor of its stand-in on the same line:
 *
 * <pre>
 * predecessor  executes    my next image is the successor from here on
 * stand-in     listener    with a descriptor: one of those that it is to have
 * stand-in     standby     that was all; nothing comes before its hello
 * predecessor  publish     an event-bus address: a signal came that concerns whoever serves
 * </pre>
 *
 * <p>A process that nobody spawned has nothing in its environment. It says its hello first, and is
 * answered with what others are spawned with:
 *
 * <pre>
 * predecessor  listener    with a descriptor
 * predecessor  handed      that was all
 * </pre>
 *
 * <p>So that whoever asks the successor learns of its predecessors:
 *
 * <pre>
 * predecessor  history     the restarts so far, this one among them
 * predecessor  vitals      what is measured of me, now and then
 * </pre>
 *
 * <p>Between ready and accepting both may accept, so that no instant is without one who does.
 */
final class Handshake {

  static final int VERSION = 1;

  static final String READY = "ready";
  static final String DOING = "doing";
  static final String FAILED = "failed";
  static final String GRANT = "grant";
  static final String ACCEPTING = "accepting";
  static final String STATE = "state";
  static final String OWN = "own";
  static final String STOPPING = "stopping";
  static final String RESTART = "restart";
  static final String ABORT = "abort";
  static final String EXECUTES = "executes";
  static final String LISTENER = "listener";
  static final String STANDBY = "standby";
  static final String STOP = "stop";
  static final String MAIN = "main";
  static final String PUBLISH = "publish";
  static final String HANDED = "handed";
  static final String HISTORY = "history";
  static final String VITALS = "vitals";

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

  static JsonObject doing(String what) {
    return message(DOING).put("what", what);
  }

  static JsonObject failed(RestartException failure) {
    return message(FAILED)
        .put("code", failure.failure().code())
        .put("reason", failure.getMessage());
  }

  static JsonObject listener(Handed listener) {
    return message(LISTENER).put("name", listener.name()).put("foreign", listener.foreign());
  }

  static JsonObject publish(String address) {
    return message(PUBLISH).put("address", address);
  }

  /**
   * What is to be published.
   *
   * @throws IllegalArgumentException if it is anything but what a signal stands for
   */
  static String published(JsonObject message) {
    String address = message.getString("address");
    if (RestartMessages.RELOAD.equals(address) || RestartMessages.REOPEN.equals(address)) {
      return address;
    }
    throw new IllegalArgumentException("nothing is published to " + address);
  }

  /**
   * The names that a successor says it serves.
   *
   * @throws IllegalArgumentException if one is missing
   */
  static List<String> names(JsonObject ready) {
    List<String> names = new ArrayList<>();
    for (Object name : ready.getJsonArray("listeners", new JsonArray())) {
      if (!(name instanceof String text)) {
        throw new IllegalArgumentException("no name of a listener: " + name);
      }
      names.add(text);
    }
    return names;
  }

  /**
   * The restarts of the generations before.
   *
   * @throws IllegalArgumentException if there is something else among them
   */
  static JsonArray restarts(JsonObject message) {
    JsonArray restarts = message.getJsonArray("restarts");
    if (restarts == null || !restarts.stream().allMatch(JsonObject.class::isInstance)) {
      throw new IllegalArgumentException("no history: " + restarts);
    }
    return restarts;
  }

  static JsonObject history(JsonArray restarts) {
    return message(HISTORY).put("restarts", restarts);
  }

  static JsonObject vitals(JsonObject snapshot) {
    return message(VITALS).put("vitals", snapshot);
  }

  /** With "named" if the supervisor has been told. */
  static JsonObject main(boolean named) {
    return message(MAIN).put("named", named);
  }

  /** With "stop" if it is not the other's fault: the service ends. */
  static JsonObject abort(String reason, boolean stop) {
    return message(ABORT).put("reason", reason).put("stop", stop);
  }
}
