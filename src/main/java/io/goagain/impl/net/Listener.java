package io.goagain.impl.net;

import static java.lang.System.Logger.Level.WARNING;

import io.netty.channel.Channel;
import io.vertx.core.Future;
import io.vertx.core.http.HttpServerOptions;
import java.util.concurrent.atomic.LongAdder;

/** A named listening socket that this process serves. */
public final class Listener {

  /** The name of the control socket, which is not the application's. */
  public static final String CONTROL = "goagain.control";

  private static final System.Logger LOG = System.getLogger(Listener.class.getName());

  private final String name;
  private final ListenerAddress address;
  private final String inheritedName;
  private final ListenerSettings settings;
  private final AdoptingServerChannel channel;
  private final Object fileIdentity;
  private final LongAdder errors = new LongAdder();
  private volatile boolean draining;
  private volatile Future<?> applicationFinished = Future.succeededFuture();

  Listener(
      String name,
      String inheritedName,
      ListenerAddress address,
      Object fileIdentity,
      ListenerSettings settings,
      AdoptingServerChannel channel) {
    this.name = name;
    this.address = address;
    this.inheritedName = inheritedName;
    this.settings = settings;
    this.channel = channel;
    this.fileIdentity = fileIdentity;
  }

  public String name() {
    return name;
  }

  /** Whether it is the control socket. */
  public boolean isControl() {
    return name.equals(CONTROL);
  }

  public ListenerAddress address() {
    return address;
  }

  /** Whether it came from a predecessor or a supervisor, and was not bound here. */
  public boolean inherited() {
    return inheritedName != null;
  }

  /** What the predecessor calls it, or null if it was bound here. */
  String inheritedName() {
    return inheritedName;
  }

  ListenerSettings settings() {
    return settings;
  }

  /** The options of its server, or null: that is none for HTTP, or one that nobody has named. */
  public HttpServerOptions http() {
    return settings.http();
  }

  /** Whether it is a Unix socket whose file belongs to somebody else, who made it. */
  public boolean isFileForeign() {
    return address instanceof ListenerAddress.Unix && fileIdentity == null;
  }

  /** Its number in this process, which goes on owning it. */
  public int descriptor() {
    return channel.descriptor();
  }

  AdoptingServerChannel channel() {
    return channel;
  }

  /** Whether it takes no more connections, of its own and not because the process does not. */
  boolean isDraining() {
    return draining;
  }

  void draining(boolean on) {
    draining = on;
    channel.acceptingChanged();
  }

  void answeredWithError() {
    errors.increment();
  }

  /** How many requests over HTTP/1.1 were answered here with 500 or more. */
  public long errors() {
    return errors.sum();
  }

  /** Connections are about to leave: the application may finish its conversations first. */
  void leaving() {
    applicationFinished = settings.drainHandler().get();
  }

  /** Completes, in whatever way, when it has. */
  Future<?> applicationFinished() {
    return applicationFinished;
  }

  /** An HTTP connection moves: its peer is not this process's any more. On its event loop. */
  void tellHandover(Channel connection) {
    if (settings.handoverHandler() == null) {
      return;
    }
    try {
      settings.handoverHandler().handle(HttpConnections.of(connection));
    } catch (RuntimeException | Error e) {
      LOG.log(WARNING, "the handover handler of \"" + name + "\" failed", e);
    }
  }

  /** At a final stop: nobody serves the path any more. */
  void removeFile() {
    if (address instanceof ListenerAddress.Unix unix) {
      UnixPaths.removeIfSame(unix.path(), fileIdentity);
    }
  }
}
