package io.goagain;

import io.goagain.impl.RestartService;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;

/**
 * Makes its process restartable. Deploy it last, once, after the servers: its deployment says ready
 * to the predecessor, if there is one, and completes when this process accepts connections.
 *
 * <p>It takes the signals and serves the event-bus addresses of {@link RestartMessages}. Its
 * configuration is a {@link RestartOptions} as JSON, in {@link
 * io.vertx.core.DeploymentOptions#setConfig} or the constructor. The deployment fails with an
 * {@link IllegalArgumentException} if an option is not valid, and with an {@link
 * IllegalStateException} if one is deployed in this process already.
 *
 * <p>When the process has handed over, or was told to stop, and has drained, it closes Vert.x and
 * calls {@link System#exit} with 0.
 */
public class RestartVerticle extends VerticleBase {

  private final RestartOptions given;
  private RestartService service;

  /** Configured by the deployment's JSON. */
  public RestartVerticle() {
    this.given = null;
  }

  /** Configured by these options; the deployment's JSON is not looked at. */
  public RestartVerticle(RestartOptions options) {
    this.given = new RestartOptions(options);
  }

  @Override
  public Future<?> start() {
    RestartOptions options = given != null ? given : new RestartOptions(config());
    service = RestartService.claim(vertx, options);
    return service.start();
  }

  @Override
  public Future<?> stop() {
    if (service != null) {
      service.stop();
    }
    return Future.succeededFuture();
  }
}
