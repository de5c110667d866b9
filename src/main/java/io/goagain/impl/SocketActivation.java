package io.goagain.impl;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.goagain.impl.net.InheritedListener;
import io.goagain.impl.posix.Descriptors;
import io.goagain.impl.posix.PosixException;
import io.goagain.impl.posix.SocketFacts;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The listeners that systemd passes to a process that it starts: sd_listen_fds(3). They come from
 * socket units, and behind those from the descriptor store, where an earlier run of the service has
 * put them ({@link SystemdNotifier#store}).
 */
final class SocketActivation {

  /** Meant for one process. */
  static final Set<String> VARIABLES =
      Set.of("LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS", "LISTEN_FDNAMES");

  private static final int FIRST = 3;

  /** What systemd calls a descriptor that nobody has named. */
  private static final Set<String> NO_NAMES = Set.of("", "unknown", "stored", "connection");

  private static final System.Logger LOG = System.getLogger(SocketActivation.class.getName());

  private final int first;
  private final Map<Long, InheritedListener> bySocket = new HashMap<>();
  private final List<InheritedListener> claimed = new ArrayList<>();

  private SocketActivation(int first) {
    this.first = first;
  }

  /**
   * In the order of the descriptors, with close-on-exec and O_NONBLOCK set, and each socket once.
   * Never fails: what cannot be understood, and what is no listening stream socket, is logged and
   * left alone.
   *
   * <p>No two have the same name. One that nobody has named is called by its address, like a server
   * without a name that asks for just that; servers find the others by their address too. The file
   * of a Unix socket unit is systemd's, which goes on listening when this process is gone; what the
   * store gives back was bound by us.
   */
  static List<InheritedListener> fromEnvironment(Map<String, String> environment, long ownPid) {
    return fromEnvironment(environment, ownPid, FIRST);
  }

  static List<InheritedListener> fromEnvironment(
      Map<String, String> environment, long ownPid, int first) {
    String count = environment.get("LISTEN_FDS");
    String pid = environment.get("LISTEN_PID");
    if (count == null || pid == null) {
      return List.of();
    }
    if (!pid.equals(Long.toString(ownPid))) {
      LOG.log(
          WARNING,
          "the sockets that systemd passed (LISTEN_FDS={0}) are not taken: LISTEN_PID is {1} and"
              + " this is process {2}. A shell script that starts the JVM has to do it with"
              + " \"exec java ...\"; if this process is not meant at all, unset LISTEN_PID for it",
          count,
          pid,
          Long.toString(ownPid));
      return List.of();
    }
    try {
      int number = Integer.parseInt(count);
      SocketActivation activation = new SocketActivation(first);
      activation.claim(names(environment.get("LISTEN_FDNAMES"), number));
      return List.copyOf(activation.claimed);
    } catch (NumberFormatException e) {
      LOG.log(WARNING, "LISTEN_FDS is ignored: {0} is no number", count);
      return List.of();
    }
  }

  /** As many as there are descriptors. */
  private static List<String> names(String names, int number) {
    List<String> unnamed = Collections.nCopies(Math.max(0, number), "unknown");
    if (names == null) {
      return unnamed;
    }
    List<String> given = Arrays.stream(names.split(":", -1)).map(FdName::decode).toList();
    if (given.size() != number) {
      LOG.log(
          WARNING,
          "LISTEN_FDNAMES is ignored: it has {0} names for {1} descriptors",
          given.size(),
          number);
      return unnamed;
    }
    return given;
  }

  private void claim(List<String> names) {
    for (int i = 0; i < names.size(); i++) {
      if (!Descriptors.isOpen(first + i)) {
        LOG.log(
            WARNING, "LISTEN_FDS is {0}, but descriptor {1} is not open", names.size(), first + i);
        return;
      }
      try {
        InheritedListener found = InheritedListener.claim(names.get(i), first + i);
        add(
            found.name().startsWith(SystemdNotifier.STORED)
                ? found.named(found.name().substring(SystemdNotifier.STORED.length()))
                : found.foreign());
      } catch (IOException e) {
        LOG.log(WARNING, "a socket of systemd is ignored: {0}", e.getMessage());
      }
    }
  }

  /**
   * A stored descriptor may be the socket of a unit: systemd looks for duplicates only in the
   * store.
   */
  private void add(InheritedListener listener) throws PosixException {
    InheritedListener same =
        bySocket.putIfAbsent(SocketFacts.cookie(listener.descriptor()), listener);
    if (same == null) {
      claimed.add(listener.named(nameFor(listener)));
      return;
    }
    LOG.log(
        INFO,
        "descriptor {0} (\"{1}\") is the same socket as descriptor {2} (\"{3}\"): closed",
        listener.descriptor(),
        listener.name(),
        same.descriptor(),
        same.name());
    Descriptors.close(listener.descriptor());
  }

  /** All sockets of one unit have its name. */
  private String nameFor(InheritedListener listener) {
    String base =
        NO_NAMES.contains(listener.name()) ? listener.address().toString() : listener.name();
    String name = base;
    for (int i = 2; isTaken(name); i++) {
      name = base + "#" + i;
    }
    return name;
  }

  private boolean isTaken(String name) {
    return claimed.stream().anyMatch(l -> l.name().equals(name));
  }
}
