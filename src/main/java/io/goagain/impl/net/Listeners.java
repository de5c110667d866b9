package io.goagain.impl.net;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.goagain.impl.posix.Descriptors;
import io.netty.channel.Channel;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Predicate;

/**
 * The listening sockets of this process and what was accepted from them. There is one for a process
 * and not one for a Vert.x instance, because it is the process that is replaced.
 *
 * <p>"Inherited" and "open" are two lists: a listener moves from the first to the second when a
 * server adopts it. Safe to use from any thread.
 */
public final class Listeners {

  private static final System.Logger LOG = System.getLogger(Listeners.class.getName());

  private final List<InheritedListener> inherited = new ArrayList<>();
  private final List<Listener> open = new CopyOnWriteArrayList<>();
  private final Set<TrackedConnection> connections = ConcurrentHashMap.newKeySet();
  private final List<Drain> drains = new CopyOnWriteArrayList<>();
  private volatile boolean accepting = true;
  private volatile boolean newest = true;
  private volatile boolean succeeded;
  private volatile boolean served;

  /**
   * What this process was started with. Until {@link #accepting(boolean)} nothing is accepted, so
   * that a predecessor serves alone until this process is ready.
   */
  public synchronized void inherit(Collection<InheritedListener> handedOver, boolean acceptAtOnce) {
    inherited.addAll(handedOver);
    accepting = acceptAtOnce;
    newest = acceptAtOnce;
  }

  /** The inherited listener that a server gets, or null if it has to bind one of its own. */
  synchronized InheritedListener claim(String name, ListenerAddress wanted) {
    InheritedListener match = null;
    String derived = nameFor(name, wanted);
    for (InheritedListener candidate : inherited) {
      if (candidate.address().serves(wanted) && candidate.name().equals(derived)) {
        match = candidate;
        break;
      }
    }
    if (match == null && !isEphemeral(wanted)) {
      for (InheritedListener candidate : inherited) {
        if (candidate.address().serves(wanted)) {
          match = candidate;
          break;
        }
      }
    }
    remove(match);
    return match;
  }

  private void remove(InheritedListener match) {
    inherited.removeIf(candidate -> candidate == match);
  }

  /**
   * The given name, or one made of the address that was asked for: the successor asks for the same,
   * in the same order, and so finds an unnamed listener on port 0 again.
   */
  synchronized String nameFor(String given, ListenerAddress wanted) {
    String base = given != null ? given : wanted.toString();
    String name = base;
    for (int i = 2; isTaken(name); i++) {
      name = base + "#" + i;
    }
    return name;
  }

  private boolean isTaken(String name) {
    return open.stream().anyMatch(l -> l.name().equals(name));
  }

  private static boolean isEphemeral(ListenerAddress wanted) {
    return wanted instanceof ListenerAddress.Inet inet && inet.port() == 0;
  }

  /** A server is bound. An unnamed one that adopted a listener keeps the name of that. */
  synchronized Listener opened(
      ListenerAddress bound,
      ListenerAddress wanted,
      InheritedListener adopted,
      ListenerSettings settings,
      AdoptingServerChannel channel) {
    String before = adopted == null ? null : adopted.name();
    String name =
        before != null && settings.name() == null ? before : nameFor(settings.name(), wanted);
    if (before != null && !before.equals(name)) {
      LOG.log(INFO, "listener \"{0}\" on {1} is called \"{2}\" now", before, bound, name);
    }
    Listener listener =
        new Listener(name, before, bound, fileOf(bound, adopted), settings, channel);
    open.add(listener);
    return listener;
  }

  /** What tells the file of a Unix socket that is ours from others; null for what is not ours. */
  private static Object fileOf(ListenerAddress bound, InheritedListener adopted) {
    if (adopted != null) {
      return adopted.file();
    }
    return bound instanceof ListenerAddress.Unix unix ? UnixPaths.identity(unix.path()) : null;
  }

  void closed(Listener listener) {
    if (open.remove(listener)) {
      removeFileOf(listener);
    }
  }

  /** Those of the application, in the order in which they were bound. */
  public List<Listener> open() {
    return open.stream().filter(listener -> !listener.isControl()).toList();
  }

  /** All that a successor gets. */
  public List<Listener> passedOn() {
    return List.copyOf(open);
  }

  /** The control socket as it was inherited, for whoever calls this to own; null if it was not. */
  public synchronized InheritedListener takeControl() {
    for (InheritedListener candidate : inherited) {
      if (candidate.name().equals(Listener.CONTROL)) {
        remove(candidate);
        return candidate;
      }
    }
    return null;
  }

  /** For a server that is about to be bound to its address under its name. */
  public synchronized void offer(InheritedListener listener) {
    inherited.add(listener);
  }

  /** Those that nobody has adopted yet. */
  public synchronized List<InheritedListener> unadopted() {
    return List.copyOf(inherited);
  }

  /** The new version does not want them: they are closed, and with them their Unix paths. */
  public synchronized void closeUnadopted() {
    for (InheritedListener listener : inherited) {
      LOG.log(
          WARNING,
          "listener \"{0}\" on {1} was inherited and no server of this version adopted it: closed",
          listener.name(),
          listener.address());
      try {
        Descriptors.close(listener.descriptor());
      } catch (IOException e) {
        LOG.log(WARNING, "could not close listener " + listener.name(), e);
      }
      removeFile(listener);
    }
    inherited.clear();
  }

  /** Of a listener that nobody adopts. */
  public void removeFile(InheritedListener listener) {
    if (listener.address() instanceof ListenerAddress.Unix unix) {
      UnixPaths.removeIfSame(unix.path(), listener.file());
    }
  }

  boolean accepting() {
    return accepting;
  }

  /** Whether the servers of this process accept; what is not accepted waits in the kernel. */
  public void accepting(boolean on) {
    accepting = on;
    newest |= on;
    open.forEach(listener -> listener.channel().acceptingChanged());
  }

  /**
   * Whether another generation serves the listeners: then closing them here does not remove the
   * paths of Unix sockets, which are the successor's now.
   */
  public void succeeded(boolean on) {
    succeeded = on;
    newest = !on;
  }

  /**
   * Closes listening sockets; their servers do not notice, and the connections live on.
   *
   * @param which among all of them
   */
  public void close(Predicate<Listener> which) {
    for (Listener listener : open) {
      if (which.test(listener)) {
        listener.channel().stopListening();
        removeFileOf(listener);
      }
    }
  }

  /** While somebody else serves an inherited path, before this process does or after, it stays. */
  private void removeFileOf(Listener listener) {
    if (newest || (!listener.inherited() && !succeeded)) {
      listener.removeFile();
    }
  }

  void track(TrackedConnection connection) {
    if (!served && !connection.listener().isControl()) {
      served = true;
    }
    connections.add(connection);
    connection
        .channel()
        .closeFuture()
        .addListener(
            closed -> {
              connections.remove(connection);
              drains.forEach(drain -> drain.left(connection));
            });
    connection.start();
    drains.forEach(drain -> drain.joined(connection));
  }

  /** The open listener that the other process calls by this name, or null. */
  public Listener inheritedAs(String name) {
    return open.stream()
        .filter(l -> name.equals(l.inheritedName()))
        .findFirst()
        .or(() -> open.stream().filter(l -> name.equals(l.name())).findFirst())
        .orElse(null);
  }

  /**
   * Serves a connection that another process accepted. The descriptor is taken over.
   *
   * @param luggage what came with it
   */
  public void adopt(Listener listener, int descriptor, Luggage luggage) {
    adopt(listener, descriptor, luggage, null);
  }

  /**
   * The same for one that comes back.
   *
   * @param refusedBy whom not to send it to again, or null
   */
  void adopt(Listener listener, int descriptor, Luggage luggage, ConnectionSender refusedBy) {
    Channel channel =
        listener.address() instanceof ListenerAddress.Unix
            ? new EpollDomainSocketChannel(descriptor)
            : new EpollSocketChannel(descriptor);
    TrackedConnection connection = new TrackedConnection(channel, listener, refusedBy);
    connection.state(luggage.state());
    track(connection);
    if (luggage.unread().length > 0) {
      // In front of what track() has put there: these bytes are to be seen like any others.
      channel.pipeline().addFirst(new Replay(luggage.unread()));
    }
    listener.channel().serve(channel);
  }

  /** Whether there was ever a connection of the application. */
  public boolean hasServed() {
    return served;
  }

  /** A snapshot. */
  Collection<TrackedConnection> connections() {
    return List.copyOf(connections);
  }

  public int connectionsOf(Listener listener) {
    return (int) connections.stream().filter(c -> c.listener() == listener).count();
  }

  /** Requests that were begun and not answered, over all listeners of the application. */
  public int inFlight() {
    return connections.stream()
        .filter(c -> !c.listener().isControl())
        .mapToInt(TrackedConnection::inFlight)
        .sum();
  }

  public int inFlightOf(Listener listener) {
    return connections.stream()
        .filter(c -> c.listener() == listener)
        .mapToInt(TrackedConnection::inFlight)
        .sum();
  }

  /**
   * Lets the connections of some listeners finish or move, and cuts what is left at the deadline.
   * Whoever calls it has stopped accepting there.
   *
   * @param successor where connections can move, or null
   */
  public Drain drain(Predicate<Listener> which, ConnectionSender successor, Duration timeout) {
    Drain drain = new Drain(this, which, successor, timeout);
    drains.add(drain);
    drain.start();
    drain.done().whenComplete((report, failure) -> drains.remove(drain));
    return drain;
  }

  /** Stops accepting on one listener for good and drains it. */
  public CompletableFuture<DrainReport> drainAndStop(String name, Duration timeout) {
    for (Listener listener : open) {
      if (listener.name().equals(name)) {
        listener.draining(true);
        return drain(l -> l == listener, null, timeout).done();
      }
    }
    return CompletableFuture.completedFuture(DrainReport.NOTHING);
  }
}
