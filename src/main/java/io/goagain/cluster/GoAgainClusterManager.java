package io.goagain.cluster;

import com.hazelcast.config.Config;
import io.goagain.Generation;
import io.goagain.cluster.impl.Board;
import io.goagain.cluster.impl.Registrations;
import io.vertx.core.Completable;
import io.vertx.core.spi.cluster.RegistrationInfo;
import io.vertx.core.spi.cluster.RegistrationListener;
import io.vertx.spi.cluster.hazelcast.HazelcastClusterManager;
import java.util.List;

/**
 * The cluster manager of vertx-hazelcast, for a process that hands over. In a successor the cluster
 * learns of event-bus consumers when {@link ClusterVerticle} is deployed and not before, so no
 * message is lost with one that does not come up. In a predecessor it forgets them before the
 * consumers are closed.
 *
 * <p>Give it to {@link io.vertx.core.VertxBuilder#withClusterManager}, and to {@link
 * ClusterVerticle}.
 */
public class GoAgainClusterManager extends HazelcastClusterManager {

  private final Registrations registrations =
      new Registrations(new Told(), Generation.current().predecessorPid() != 0);

  /**
   * With the configuration that vertx-hazelcast finds: the file that the system property {@code
   * vertx.hazelcast.config} names, or {@code cluster.xml} on the class path.
   */
  public GoAgainClusterManager() {}

  /**
   * With a configuration, to which the map of {@link ClusterVerticle} is added if it is missing.
   */
  public GoAgainClusterManager(Config config) {
    super(config);
    Board.configure(config);
  }

  @Override
  public Config loadConfig() {
    Config config = super.loadConfig();
    Config usable = config == null ? new Config() : config;
    Board.configure(usable);
    return usable;
  }

  @Override
  public void setConfig(Config config) {
    Board.configure(config);
    super.setConfig(config);
  }

  @Override
  public void registrationListener(RegistrationListener listener) {
    registrations.listener(listener);
    super.registrationListener(listener);
  }

  @Override
  public void addRegistration(
      String address, RegistrationInfo registrationInfo, Completable<Void> promise) {
    registrations.add(address, registrationInfo, promise);
  }

  @Override
  public void removeRegistration(
      String address, RegistrationInfo registrationInfo, Completable<Void> promise) {
    registrations.remove(address, registrationInfo, promise);
  }

  Registrations registrations() {
    return registrations;
  }

  /** What is to be told to the cluster now. */
  private final class Told implements Registrations.Cluster {

    @Override
    public void add(String address, RegistrationInfo info, Completable<Void> promise) {
      GoAgainClusterManager.super.addRegistration(address, info, promise);
    }

    @Override
    public void remove(String address, RegistrationInfo info, Completable<Void> promise) {
      GoAgainClusterManager.super.removeRegistration(address, info, promise);
    }

    @Override
    public void get(String address, Completable<List<RegistrationInfo>> promise) {
      getRegistrations(address, promise);
    }
  }
}
