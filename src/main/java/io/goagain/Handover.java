package io.goagain;

import io.goagain.impl.HandoverRegistry;
import io.goagain.impl.ThisProcess;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import java.util.function.Supplier;

/**
 * How an application takes part in a handover: it can pass state on, and it learns from when to
 * when it owns what must not run twice (timers, consumers, leases) while two generations live.
 *
 * <p>The order at a restart, once the successor accepts: the predecessor releases ownership, then
 * it is asked for its state, which is sent; then the successor takes ownership. A successor whose
 * predecessor died takes ownership too, and a predecessor whose successor died on probation takes
 * it back.
 *
 * <p>Register before {@link RestartVerticle} is deployed. Handlers are called on the Vert.x context
 * that registered them.
 */
public interface Handover {

  /** The process's, with handlers to be called on the current context of this Vert.x instance. */
  static Handover of(Vertx vertx) {
    return new HandoverRegistry.View(ThisProcess.get().handover(), vertx.getOrCreateContext());
  }

  /**
   * Offers state to a successor under a name, which should say what version of a format it is
   * ("sessions/2"). It is asked for once a restart has succeeded and no request begins here any
   * more; where those in flight may still change it, let the future wait for them. It may be
   * hundreds of megabytes, which the heap of each side has to hold. The buffer must not change any
   * more. With a null buffer the successor gets nothing under the name; if the future fails, or
   * does not complete within {@link RestartOptions#getDrainTimeout}, the same, and it is logged.
   *
   * @throws IllegalArgumentException if the name is offered already
   */
  Handover offer(String name, Supplier<Future<Buffer>> state);

  /**
   * What the predecessor offered under a name: completes with null when it is clear that nothing
   * comes, because there is no predecessor, it offers none, or it died. It comes after this process
   * has begun to accept, so do not wait for it before {@link RestartVerticle} is deployed. A name
   * may be claimed late, and more than once: the state is kept. A process that serves again after a
   * stand-in gets, by a claim in its {@code take}, what that one knew.
   */
  Future<Buffer> claim(String name);

  /**
   * Takes part in ownership.
   *
   * @param take called when this process becomes the owner; at once if it is already
   * @param release called when it is not any more; the successor waits for the future
   */
  Handover own(Runnable take, Supplier<Future<?>> release);
}
