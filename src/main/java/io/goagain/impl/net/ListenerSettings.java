package io.goagain.impl.net;

import io.vertx.core.Context;

/**
 * What whoever deploys a server wants of its listener.
 *
 * @param name the name across generations, or null: it is derived from the address
 * @param handover whether its connections may move to a successor
 */
public record ListenerSettings(String name, boolean handover) {

  static final String CONTEXT_KEY = "io.goagain.listener";

  private static final ListenerSettings UNNAMED = new ListenerSettings(null, true);

  static ListenerSettings unnamed() {
    return UNNAMED;
  }

  /** Every server that is bound from this verticle's context from now on has these settings. */
  public void applyTo(Context context) {
    context.put(CONTEXT_KEY, this);
  }
}
