package io.goagain.cluster.impl;

import static java.lang.System.Logger.Level.INFO;

import io.vertx.core.Completable;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.spi.cluster.RegistrationInfo;
import io.vertx.core.spi.cluster.RegistrationListener;
import io.vertx.core.spi.cluster.RegistrationUpdateEvent;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Which of this process's event-bus consumers the cluster knows of. A successor that is not ready
 * yet keeps them to itself, as it may be killed; a predecessor takes them back before it leaves,
 * while its handlers stay where they are for what is on its way. From any thread.
 */
public final class Registrations {

  private static final System.Logger LOG = System.getLogger(Registrations.class.getName());

  /** How the cluster is told. */
  public interface Cluster {
    /** As {@link io.vertx.core.spi.cluster.ClusterManager#addRegistration}. */
    void add(String address, RegistrationInfo info, Completable<Void> promise);

    /** As {@link io.vertx.core.spi.cluster.ClusterManager#removeRegistration}. */
    void remove(String address, RegistrationInfo info, Completable<Void> promise);

    /** As {@link io.vertx.core.spi.cluster.ClusterManager#getRegistrations}. */
    void get(String address, Completable<List<RegistrationInfo>> promise);
  }

  private enum Mode {
    HELD,
    ANNOUNCED,
    WITHDRAWN
  }

  private final Cluster cluster;
  private volatile RegistrationListener listener;

  // Guarded by this.
  private final Map<String, Set<RegistrationInfo>> own = new LinkedHashMap<>();
  private Mode mode;

  /**
   * Begins with nothing.
   *
   * @param held whether to keep consumers to this process until {@link #announce}
   */
  public Registrations(Cluster cluster, boolean held) {
    this.cluster = cluster;
    this.mode = held ? Mode.HELD : Mode.ANNOUNCED;
  }

  /** Who chooses the node that a message goes to. */
  public void listener(RegistrationListener chooser) {
    listener = chooser;
  }

  /** A consumer of this process: the cluster learns of it now, later, or not at all. */
  public void add(String address, RegistrationInfo info, Completable<Void> promise) {
    if (!info.localOnly() && !NodeMessages.isOwn(address)) {
      synchronized (this) {
        own.computeIfAbsent(address, a -> new LinkedHashSet<>()).add(info);
        if (mode != Mode.ANNOUNCED) {
          promise.succeed();
          return;
        }
      }
    }
    cluster.add(address, info, promise);
  }

  /** A consumer of this process is gone. */
  public void remove(String address, RegistrationInfo info, Completable<Void> promise) {
    if (!info.localOnly() && !NodeMessages.isOwn(address)) {
      synchronized (this) {
        Set<RegistrationInfo> there = own.get(address);
        if (there != null && there.remove(info) && there.isEmpty()) {
          own.remove(address);
        }
        if (mode != Mode.ANNOUNCED) {
          promise.succeed();
          return;
        }
      }
    }
    cluster.remove(address, info, promise);
  }

  /** From now on the cluster knows of all consumers. The future completes when it does. */
  Future<Void> announce() {
    Map<String, Set<RegistrationInfo>> all = enter(Mode.ANNOUNCED);
    List<Future<?>> done = new ArrayList<>();
    all.forEach(
        (address, infos) ->
            infos.forEach(
                info -> {
                  Promise<Void> added = Promise.promise();
                  cluster.add(address, info, added);
                  done.add(added.future());
                }));
    LOG.log(INFO, "the cluster is told of consumers at {0} addresses", all.size());
    return Future.join(done).mapEmpty();
  }

  /**
   * From now on the cluster knows of none. The future completes with their addresses when none is
   * left in the cluster; other nodes may take a moment longer.
   */
  Future<List<String>> withdraw() {
    Map<String, Set<RegistrationInfo>> all = enter(Mode.WITHDRAWN);
    List<Future<?>> done = new ArrayList<>();
    all.forEach(
        (address, infos) ->
            infos.forEach(
                info -> {
                  Promise<Void> removed = Promise.promise();
                  cluster.remove(address, info, removed);
                  done.add(removed.future());
                }));
    return Future.join(done).map(v -> List.copyOf(all.keySet()));
  }

  /** Nothing if it is that way already. */
  private synchronized Map<String, Set<RegistrationInfo>> enter(Mode next) {
    if (mode == next) {
      return Map.of();
    }
    mode = next;
    Map<String, Set<RegistrationInfo>> copy = new LinkedHashMap<>();
    own.forEach((address, infos) -> copy.put(address, Set.copyOf(infos)));
    return copy;
  }

  /**
   * Makes this process look up now who consumes at these addresses. When the future completes, it
   * sends to nobody who does not.
   */
  Future<Void> refresh(List<String> addresses) {
    List<Future<?>> done = new ArrayList<>();
    RegistrationListener chooser = listener;
    for (String address : addresses) {
      if (chooser != null && chooser.wantsUpdatesFor(address)) {
        Promise<List<RegistrationInfo>> there = Promise.promise();
        cluster.get(address, there);
        done.add(
            there
                .future()
                .onSuccess(
                    found ->
                        chooser.registrationsUpdated(new RegistrationUpdateEvent(address, found))));
      }
    }
    return Future.join(done).mapEmpty();
  }
}
