package io.goagain.impl;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.goagain.impl.Inheritance.Handed;
import io.goagain.impl.net.InheritedListener;
import io.goagain.impl.net.ListenerAddress;
import io.goagain.impl.posix.PosixException;
import io.goagain.impl.posix.Processes;
import io.goagain.impl.posix.SocketFacts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * What rcrowley/goagain for Go knows of a handover: one listener, and a signal that ends it. It is
 * given to each successor beside our own protocol, and taken where there is nothing else.
 *
 * <pre>
 * GOAGAIN_FD      the descriptor of the listener
 * GOAGAIN_NAME    what it listens on: tcp:127.0.0.1:8080-&gt;
 * GOAGAIN_PPID    the process that spawned this one
 * GOAGAIN_PID     the process that this one has spawned before its image was replaced, or empty
 * GOAGAIN_SIGNAL  the number of the signal that tells that one, or else the other, to go on
 * </pre>
 *
 * @param listeners one, or none where nobody left any; also of a predecessor that has died
 * @param peer who is told that this process accepts; 0 if nobody
 * @param signal what it is told with
 * @param nextImage whether the peer is a child, started before the image was replaced
 */
record OriginalProtocol(
    List<InheritedListener> listeners, int peer, int signal, boolean nextImage) {

  /**
   * By which a successor tells us. In Go it is SIGQUIT or SIGUSR2: a JVM keeps the first for its
   * thread dump, and the second is a request to restart here. This one does nothing by default, and
   * unlike SIGWINCH no terminal sends it.
   */
  static final String SUCCESSOR_ACCEPTS = "URG";

  static final OriginalProtocol NONE = new OriginalProtocol(List.of(), 0, 0, false);

  private static final System.Logger LOG = System.getLogger(OriginalProtocol.class.getName());

  /** Whether the peer comes back, in the double strategy. */
  boolean isStandIn() {
    return hasPeer() && !nextImage && signal == Processes.USR2;
  }

  boolean hasPeer() {
    return peer > 0;
  }

  /** Never fails: what was meant for another process, or cannot be understood, is left alone. */
  static OriginalProtocol fromEnvironment(
      Map<String, String> environment, long ownPid, long parentPid) {
    if (!environment.containsKey("GOAGAIN_FD")) {
      return NONE;
    }
    int child = number(environment.get("GOAGAIN_PID"));
    int parent = number(environment.get("GOAGAIN_PPID"));
    boolean nextImage = child > 0 && parentOf(child) == ownPid;
    boolean parentDied = parent > 0 && parent != parentPid && parentOf(parent) < 0;
    if (!nextImage && !parentDied && (parent <= 0 || parent != parentPid)) {
      LOG.log(WARNING, "GOAGAIN_FD is ignored: it was meant for another process");
      return NONE;
    }
    try {
      String name = environment.getOrDefault("GOAGAIN_NAME", "goagain");
      InheritedListener listener =
          InheritedListener.claim(name, number(environment.get("GOAGAIN_FD")));
      if (!nextImage && parentDied) {
        // Nobody is to be told, and only what it listens on shows that it was meant for this one.
        return name.equals(name(listener.address()))
            ? new OriginalProtocol(List.of(listener), 0, 0, false)
            : NONE;
      }
      int asked = number(environment.get("GOAGAIN_SIGNAL"));
      int signal = asked > 0 ? asked : Processes.QUIT;
      // A child that was started before this image is a JVM like this one, and QUIT does not end
      // it.
      return new OriginalProtocol(
          List.of(listener),
          nextImage ? child : parent,
          nextImage && signal == Processes.QUIT ? Processes.TERM : signal,
          nextImage);
    } catch (IOException e) {
      LOG.log(WARNING, "GOAGAIN_FD is ignored: {0}", e.getMessage());
      return NONE;
    }
  }

  /** -1 for what is no number. */
  private static int number(String text) {
    try {
      return text == null ? -1 : Integer.parseInt(text.strip());
    } catch (NumberFormatException e) {
      return -1;
    }
  }

  private static long parentOf(int pid) {
    try {
      String stat = Files.readString(Path.of("/proc", Integer.toString(pid), "stat"));
      // proc(5): after the name in brackets, the state and the parent.
      return Long.parseLong(stat.substring(stat.lastIndexOf(')') + 2).split(" ")[1]);
    } catch (IOException | NumberFormatException e) {
      return -1;
    }
  }

  /** This process accepts: whoever waits for that may go on, or end. */
  void tellPeer() {
    if (!hasPeer()) {
      return;
    }
    try {
      LOG.log(INFO, "{0} to process {1}", Processes.signalName(signal), Integer.toString(peer));
      Processes.kill(peer, signal);
    } catch (PosixException e) {
      LOG.log(WARNING, "the handover was not ended: {0}", e.getMessage());
    }
  }

  /** The variables for a process that is spawned with this listener as descriptor 3. */
  static Map<String, String> forSpawn(ListenerAddress address, long ownPid) {
    return Map.of(
        "GOAGAIN_FD",
        "3",
        "GOAGAIN_NAME",
        name(address),
        "GOAGAIN_PID",
        "",
        Inheritance.PREDECESSOR_PID,
        Long.toString(ownPid),
        "GOAGAIN_SIGNAL",
        Integer.toString(Processes.signalNumber(SUCCESSOR_ACCEPTS)));
  }

  /** The variables for the next image of this process, whose child speaks this protocol only. */
  static Map<String, String> forExec(Handed listener, long own, int child) throws IOException {
    return Map.of(
        "GOAGAIN_FD",
        Integer.toString(listener.descriptor()),
        "GOAGAIN_NAME",
        name(ListenerAddress.of(SocketFacts.of(listener.descriptor()))),
        "GOAGAIN_PID",
        Integer.toString(child),
        Inheritance.PREDECESSOR_PID,
        Long.toString(own),
        "GOAGAIN_SIGNAL",
        Integer.toString(Processes.QUIT));
  }

  private static String name(ListenerAddress address) {
    String network = address instanceof ListenerAddress.Unix ? "unix" : "tcp";
    return network + ":" + address + "->";
  }
}
