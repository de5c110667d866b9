package io.goagain;

/**
 * The event-bus addresses of {@link RestartVerticle}. All are local to the process, also on a
 * clustered event bus: a restart must never be delivered to another node.
 */
public final class RestartMessages {

  /**
   * Asks for a restart. Body: null, or {@code {command?, environment?, workingDirectory?,
   * readyTimeout?, drainTimeout?, strategy?}}, which override the {@link RestartOptions} once.
   * Reply, when the successor serves and before this process exits: {@code {generation, pid,
   * predecessorPid, listeners, readyMillis}}; else a failure with a code of {@link RestartFailure}.
   * Send it with a timeout above {@code readyTimeout}.
   */
  public static final String RESTART = "goagain.restart";

  /**
   * Asks how things are. Reply: {@code {generation, pid, state, strategy, upSince, listeners:
   * [{name, address, kind, inherited, connections}], inFlight, lastRestart}}; times are in
   * ISO-8601, {@code lastRestart} is null before the first.
   */
  public static final String STATUS = "goagain.status";

  /** Drains and exits with code 0. Replies {@code {finished, cut, millis}} when drained. */
  public static final String STOP = "goagain.stop";

  /** Published at every change of state: {@code {type, generation, pid, at, ...}}. */
  public static final String EVENTS = "goagain.events";

  /** Published on SIGHUP: the application should read its configuration again. */
  public static final String RELOAD = "goagain.reload";

  /** Published on SIGUSR1: the application should open its log files again. */
  public static final String REOPEN = "goagain.reopen";

  private RestartMessages() {}
}
