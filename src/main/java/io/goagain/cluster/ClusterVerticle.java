package io.goagain.cluster;

import io.goagain.RestartMessages;
import io.goagain.RestartVerticle;
import io.goagain.cluster.impl.ClusterService;
import io.goagain.cluster.impl.Health;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.json.JsonObject;
import java.util.Objects;
import java.util.function.Supplier;

/**
 * Makes its process a node of a cluster that can be restarted as a whole, one node after another:
 * see {@link ClusterMessages}. Needs vertx-hazelcast.
 *
 * <p>Make it before {@link RestartVerticle} is deployed, and deploy it after: {@link
 * RestartVerticle}'s deployment completes when this process serves, and this one's when the cluster
 * knows so, and knows its event-bus consumers. The predecessor waits for that before it lets go of
 * its own.
 *
 * <pre>{@code
 * GoAgainClusterManager manager = new GoAgainClusterManager();
 * Vertx.builder().withClusterManager(manager).buildClustered().compose(vertx -> {
 *   RestartVerticle restart = new RestartVerticle();
 *   ClusterVerticle cluster = new ClusterVerticle(manager, new ClusterOptions(), restart);
 *   return deployServersAndConsumers(vertx)
 *       .compose(v -> vertx.deployVerticle(restart))
 *       .compose(v -> vertx.deployVerticle(cluster));
 * });
 * }</pre>
 *
 * <p>A process that leaves, after a handover or at a stop, takes its event-bus consumers out of the
 * cluster, handles what is still on its way to it, and awaits the replies to its requests. Then
 * Vert.x is closed, which leaves the cluster in an orderly way.
 */
public class ClusterVerticle extends VerticleBase {

  private final GoAgainClusterManager manager;
  private final ClusterOptions options;
  private final Health health = new Health();
  private ClusterService service;

  /**
   * For the process of this restart verticle, which is not deployed yet.
   *
   * @param manager that of the Vert.x instance that this is deployed to
   */
  public ClusterVerticle(
      GoAgainClusterManager manager, ClusterOptions options, RestartVerticle restart) {
    this.manager = Objects.requireNonNull(manager);
    this.options = new ClusterOptions(options);
    restart.beforeClose("leave the event bus", this::leave);
  }

  /**
   * Adds what this process asks itself every second, on the context of this verticle. While it
   * fails, a restart of this node does not count as done, and after a while counts as failed: then
   * the plan stops. A share of requests that fail, and connections to other services, belong here.
   * Add it before this is deployed.
   *
   * @param name for whoever reads the status
   * @throws IllegalArgumentException if there is one of that name
   */
  public ClusterVerticle health(String name, Supplier<Future<?>> check) {
    health.add(name, Objects.requireNonNull(check));
    return this;
  }

  @Override
  public Future<?> start() {
    service =
        new ClusterService(
            vertx, options, manager.getHazelcastInstance(), manager.registrations(), health);
    return service.start();
  }

  @Override
  public Future<?> stop() {
    return service == null ? Future.succeededFuture() : service.stop();
  }

  private Future<?> leave() {
    if (service == null) {
      return Future.succeededFuture(); // it never was there
    }
    return vertx
        .eventBus()
        .<JsonObject>request(RestartMessages.STATUS, null, new DeliveryOptions().setLocalOnly(true))
        .compose(status -> service.leave(hasHandedOver(status.body())));
  }

  private static boolean hasHandedOver(JsonObject status) {
    JsonObject last = status.getJsonObject("lastRestart");
    return last != null && last.getString("outcome").equals("OK");
  }
}
