package io.goagain.impl;

import static java.lang.System.Logger.Level.WARNING;

import io.goagain.impl.net.HandoverChannel;
import io.goagain.impl.net.InheritedListener;
import io.goagain.impl.posix.Descriptors;
import io.goagain.impl.posix.LibraryPath;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What a predecessor left to this process in its environment and its descriptor table.
 *
 * @param generation of this process
 * @param predecessorPid 0 if there is none
 * @param messages the descriptor of the handover channel, or -1
 * @param descriptors the descriptor of its half that carries descriptors, or -1
 * @param role of this process in a restart
 * @param child of this process, which is the predecessor or has started it; 0 if there is none
 * @param asked what was asked of this process while its image was replaced
 * @param listeners those that are there and listen
 * @param line the handover channel, if it was opened before this was known; else null
 */
record Inheritance(
    int generation,
    int predecessorPid,
    int messages,
    int descriptors,
    Role role,
    int child,
    Set<Asked> asked,
    List<InheritedListener> listeners,
    HandoverChannel line) {

  /** What a process is, seen from its predecessor. */
  enum Role {
    SUCCESSOR,
    /** For a process that comes back, in the double strategy. */
    STAND_IN,
    /** The next image of the process whose stand-in the predecessor is. */
    NEXT_IMAGE,
    /** Spawned by nobody: it has asked to take over, through the control socket. */
    TAKER
  }

  /**
   * A listener on its way.
   *
   * @param descriptor its number where it comes from
   * @param foreign whether the file of its Unix socket belongs to somebody else
   */
  record Handed(String name, int descriptor, boolean foreign) {
    private JsonObject toJson(int number) {
      return new JsonObject().put("fd", number).put("name", name).put("foreign", foreign);
    }
  }

  /** By a signal or a message that the image before could not do anything about any more. */
  enum Asked {
    RESTART,
    STOP
  }

  /** Ours: one JSON object. */
  static final String HANDOVER = "GOAGAIN_HANDOVER";

  /** rcrowley/goagain's: the pid of the process that spawns. */
  static final String PREDECESSOR_PID = "GOAGAIN_PPID";

  static final Inheritance NONE =
      new Inheritance(1, 0, -1, -1, Role.SUCCESSOR, 0, Set.of(), List.of(), null);

  private static final System.Logger LOG = System.getLogger(Inheritance.class.getName());

  boolean hasPredecessor() {
    return messages >= 0 || line != null;
  }

  boolean isTaker() {
    return role == Role.TAKER;
  }

  /** Of a process that took over through the control socket. */
  static Inheritance taken(
      int generation, int predecessor, List<InheritedListener> listeners, HandoverChannel line) {
    return new Inheritance(
        generation, predecessor, -1, -1, Role.TAKER, 0, Set.of(), List.copyOf(listeners), line);
  }

  boolean isStandIn() {
    return role == Role.STAND_IN;
  }

  boolean isNextImage() {
    return role == Role.NEXT_IMAGE;
  }

  /** Never fails: what cannot be understood is logged and left alone. */
  static Inheritance fromEnvironment(Map<String, String> environment, long ownPid) {
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
      Role role = Role.valueOf(json.getString("role"));
      long maker = role == Role.NEXT_IMAGE ? ownPid : predecessor;
      if (predecessor <= 0 || Descriptors.peerPid(messages) != maker) {
        LOG.log(
            WARNING,
            "{0} is ignored: it was meant for another process (descriptor {1} is not connected to"
                + " process {2})",
            HANDOVER,
            Integer.toString(messages),
            Long.toString(maker));
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
          role,
          role == Role.NEXT_IMAGE ? number(json, "child") : 0,
          asked(json.getJsonArray("asked", new JsonArray())),
          claim(json.getJsonArray("listeners", new JsonArray())),
          null);
    } catch (DecodeException
        | ClassCastException
        | IllegalArgumentException
        | NullPointerException
        | IOException e) {
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

  private static Set<Asked> asked(JsonArray names) {
    return names.stream()
        .map(name -> Asked.valueOf((String) name))
        .collect(Collectors.toUnmodifiableSet());
  }

  private static List<InheritedListener> claim(JsonArray listeners) {
    List<InheritedListener> claimed = new ArrayList<>();
    for (int i = 0; i < listeners.size(); i++) {
      JsonObject listener = listeners.getJsonObject(i);
      try {
        String name = Objects.requireNonNull(listener.getString("name"), "it has no name");
        InheritedListener found = InheritedListener.claim(name, number(listener, "fd"));
        claimed.add(listener.getBoolean("foreign", false) ? found.foreign() : found);
      } catch (IOException | ClassCastException | NullPointerException e) {
        LOG.log(WARNING, "an inherited listener is ignored: {0}", e.getMessage());
      }
    }
    return claimed;
  }

  /**
   * The variables for a process that is spawned.
   *
   * @param handed what it has at 3, 4 ... with the two halves of its channel behind
   */
  static Map<String, String> forSpawn(
      int generation, long predecessorPid, Role role, List<Handed> handed) {
    JsonArray listeners = new JsonArray();
    int next = 3;
    for (Handed listener : handed) {
      listeners.add(listener.toJson(next++));
    }
    return variables(
        predecessorPid,
        common(generation, predecessorPid, role, listeners, List.of(next, next + 1)));
  }

  /** The variables for this process's next image, which keeps the numbers of its descriptors. */
  static Map<String, String> forExec(
      int generation,
      long standInPid,
      int child,
      Set<Asked> asked,
      List<Handed> handed,
      List<Integer> channel) {
    JsonArray listeners = new JsonArray();
    handed.forEach(listener -> listeners.add(listener.toJson(listener.descriptor())));
    return variables(
        standInPid,
        common(generation, standInPid, Role.NEXT_IMAGE, listeners, channel)
            .put("child", child)
            .put("asked", new JsonArray(asked.stream().map(Asked::name).toList())));
  }

  private static JsonObject common(
      int generation, long predecessor, Role role, JsonArray listeners, List<Integer> channel) {
    return new JsonObject()
        .put("generation", generation)
        .put("predecessor", predecessor)
        .put("role", role.name())
        .put("messages", channel.get(0))
        .put("descriptors", channel.get(1))
        .put("listeners", listeners);
  }

  private static Map<String, String> variables(long predecessor, JsonObject handover) {
    Map<String, String> variables = new HashMap<>();
    variables.put(HANDOVER, handover.encode());
    variables.put(PREDECESSOR_PID, Long.toString(predecessor));
    if (LibraryPath.known() != null) {
      variables.put(LibraryPath.VARIABLE, LibraryPath.known());
    }
    return variables;
  }
}
