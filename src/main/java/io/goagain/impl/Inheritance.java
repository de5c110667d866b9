package io.goagain.impl;

import static java.lang.System.Logger.Level.WARNING;

import io.goagain.impl.net.InheritedListener;
import io.goagain.impl.posix.Descriptors;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What a predecessor left to this process in its environment and its descriptor table.
 *
 * @param generation of this process
 * @param predecessorPid 0 if there is none
 * @param messages the descriptor of the handover channel, or -1
 * @param descriptors the descriptor of its half that carries descriptors, or -1
 * @param listeners those that are there and listen
 */
record Inheritance(
    int generation,
    int predecessorPid,
    int messages,
    int descriptors,
    List<InheritedListener> listeners) {

  /** Ours: one JSON object. */
  static final String HANDOVER = "GOAGAIN_HANDOVER";

  /** rcrowley/goagain's: the pid of the process that spawns. */
  static final String PREDECESSOR_PID = "GOAGAIN_PPID";

  static final Inheritance NONE = new Inheritance(1, 0, -1, -1, List.of());

  private static final System.Logger LOG = System.getLogger(Inheritance.class.getName());

  boolean hasPredecessor() {
    return messages >= 0;
  }

  /** Never fails: what cannot be understood is logged and left alone. */
  static Inheritance fromEnvironment(Map<String, String> environment) {
    String handover = environment.get(HANDOVER);
    if (handover == null) {
      return NONE;
    }
    try {
      JsonObject json = new JsonObject(handover);
      int predecessor = number(json, "predecessor");
      int messages = number(json, "messages");
      // The variable is inherited by whatever a process starts; the descriptor is not. And the
      // kernel remembers who made the socket pair, also when that process is dead by now.
      if (predecessor <= 0 || Descriptors.peerPid(messages) != predecessor) {
        LOG.log(
            WARNING,
            "{0} is ignored: it was meant for another process (descriptor {1} is not connected to"
                + " process {2})",
            HANDOVER,
            Integer.toString(messages),
            Integer.toString(predecessor));
        return NONE;
      }
      int descriptors = number(json, "descriptors");
      Descriptors.setCloseOnExec(messages, true);
      Descriptors.setCloseOnExec(descriptors, true);
      return new Inheritance(
          number(json, "generation"),
          predecessor,
          messages,
          descriptors,
          claim(json.getJsonArray("listeners", new JsonArray())));
    } catch (DecodeException | ClassCastException | NullPointerException | IOException e) {
      LOG.log(WARNING, HANDOVER + " is ignored: it cannot be understood: " + handover, e);
      return NONE;
    }
  }

  /** Not {@link JsonObject#getInteger}, which cuts a number that is too large. */
  private static int number(JsonObject json, String name) {
    if (json.getValue(name) instanceof Integer number) {
      return number;
    }
    throw new ClassCastException("\"" + name + "\" is no number: " + json.getValue(name));
  }

  private static List<InheritedListener> claim(JsonArray listeners) {
    List<InheritedListener> claimed = new ArrayList<>();
    for (int i = 0; i < listeners.size(); i++) {
      JsonObject listener = listeners.getJsonObject(i);
      try {
        String name = Objects.requireNonNull(listener.getString("name"), "it has no name");
        claimed.add(InheritedListener.claim(name, number(listener, "fd")));
      } catch (IOException | ClassCastException | NullPointerException e) {
        LOG.log(WARNING, "an inherited listener is ignored: {0}", e.getMessage());
      }
    }
    return claimed;
  }

  /** The variables for a successor whose listeners are at 3, 4 ... and its channel behind them. */
  static Map<String, String> variables(
      int generation, long predecessorPid, List<String> listenerNames) {
    JsonArray listeners = new JsonArray();
    int next = 3;
    for (String name : listenerNames) {
      listeners.add(new JsonObject().put("fd", next++).put("name", name));
    }
    JsonObject json =
        new JsonObject()
            .put("generation", generation)
            .put("predecessor", predecessorPid)
            .put("messages", next)
            .put("descriptors", next + 1)
            .put("listeners", listeners);
    return Map.of(HANDOVER, json.encode(), PREDECESSOR_PID, Long.toString(predecessorPid));
  }
}
