package io.goagain.metrics;

import io.goagain.impl.ThisProcess;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;

/**
 * The metrics of the control socket for Micrometer: in a Prometheus registry they have the same
 * names and labels, but are those of this process only.
 *
 * <p>Bind it after {@link io.goagain.RestartVerticle#takeOver}, if the program calls that: binding
 * looks at the process, and that must not be done before.
 *
 * <p>There is no thread behind it. Whoever reads one of the meters makes all of them show a new
 * snapshot of the process, if the last one is more than 100 ms old. Meters of listeners, outcomes
 * and phases that have appeared since are registered then, and those of listeners and phases that
 * are gone are removed; a registry that is being scraped has them from the next scrape on. Safe to
 * use from any thread.
 */
public final class GoAgainMetrics implements MeterBinder {

  /** To be bound to one registry or several. */
  public GoAgainMetrics() {}

  @Override
  public void bindTo(MeterRegistry registry) {
    new BoundMeters(ThisProcess.get().vitals(), registry).refresh();
  }
}
