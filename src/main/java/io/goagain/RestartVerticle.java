package io.goagain;

import io.goagain.impl.BeforeClose;
import io.goagain.impl.BeforeReady;
import io.goagain.impl.RestartService;
import io.goagain.impl.ThisProcess;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Objects;
import java.util.function.Supplier;

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
  private final BeforeReady beforeReady = new BeforeReady();
  private final BeforeClose beforeClose = new BeforeClose();
  private RestartService service;

  /** Configured by the deployment's JSON. */
  public RestartVerticle() {
    this.given = null;
  }

  /** Configured by these options; the deployment's JSON is not looked at. */
  public RestartVerticle(RestartOptions options) {
    this.given = new RestartOptions(options);
  }

  /**
   * Lets this process be the successor of one that did not spawn it: of whoever serves on {@link
   * RestartOptions#setControlSocket the control socket}. Call it first in the program, before the
   * first Vert.x instance is made, with the options that RestartVerticle gets; then go on as in any
   * process. Servers find their listeners as if they had been inherited, and the deployment of
   * RestartVerticle says ready.
   *
   * <p>If nobody serves there, this process is generation 1, and listens there. If it was spawned
   * by its predecessor, or the option is not set, or the platform is none that supports restarts,
   * this does nothing. Blocks until that is clear, {@link RestartOptions#setReadyTimeout} at most.
   *
   * @throws IllegalStateException if a Vert.x instance was made before
   * @throws UncheckedIOException if this process can neither take over nor listen: another one is
   *     just taking over, something else listens there, or the path is not safe. The message says
   *     what to do. The process should exit, with a code other than 0.
   */
  public static void takeOver(RestartOptions options) {
    if (options.getControlSocket() == null) {
      return;
    }
    try {
      ThisProcess.takingOver(options);
    } catch (IOException e) {
      throw new UncheckedIOException(e.getMessage(), e);
    }
  }

  /**
   * Adds what a successor runs before it says ready: in the order in which they were added, one
   * after the other, and before the requests of {@link RestartOptions#getWarmUp}. Add it before
   * this is deployed.
   *
   * @param name for the log, and for whoever asked for the restart if it fails
   * @throws IllegalArgumentException if there is one of that name
   */
  public RestartVerticle warmUp(String name, WarmUp warmUp) {
    beforeReady.warmUp(name, Objects.requireNonNull(warmUp));
    return this;
  }

  /**
   * Adds what a successor asks itself when it is warm: it says ready when the future has succeeded.
   * One that fails is asked again, for {@link RestartOptions#getReadinessTimeout}; then the restart
   * fails, and whoever asked for it is told the message. A process that is nobody's successor asks
   * nothing. Called on the context of this verticle. Add it before this is deployed.
   *
   * @param name for the log, and for whoever asked for the restart if it fails
   * @throws IllegalArgumentException if there is one of that name
   */
  public RestartVerticle readiness(String name, Supplier<Future<?>> check) {
    beforeReady.check(name, Objects.requireNonNull(check));
    return this;
  }

  /**
   * Adds what a process that leaves still has to do when its connections are gone and Vert.x is not
   * closed yet: after a handover that cannot be taken back any more, or at a stop. It is awaited
   * for {@link RestartOptions#getDrainTimeout}, after the drain; then, or if it fails, the process
   * leaves all the same. All that were added begin together, on the context of this verticle. Add
   * it before this is deployed.
   *
   * @param name for the log
   * @throws IllegalArgumentException if there is one of that name
   */
  public RestartVerticle beforeClose(String name, Supplier<Future<?>> action) {
    beforeClose.add(name, Objects.requireNonNull(action));
    return this;
  }

  @Override
  public Future<?> start() {
    RestartOptions options = given != null ? given : new RestartOptions(config());
    service = RestartService.claim(vertx, options, beforeReady, beforeClose);
    return service.start();
  }

  @Override
  public Future<?> stop() {
    return service == null ? Future.succeededFuture() : service.stop();
  }
}
