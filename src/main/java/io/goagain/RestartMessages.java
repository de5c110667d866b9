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
   * [{name, address, kind, inherited, connections}], inFlight, errors, drain, lastRestart}}; times
   * are in ISO-8601, {@code errors} counts what was answered with 500 or more over HTTP/1.1, {@code
   * lastRestart} is null before the first, {@code drain} has the counts of {@link #STOP}.
   */
  public static final String STATUS = "goagain.status";

  /**
   * Drains and exits with code 0. Replies {@code {finished, closed, moved, cut, millis}} when
   * drained, so an HTTP request of this process must not wait for it: the drain waits for that
   * request.
   */
  public static final String STOP = "goagain.stop";

  /**
   * Published at every change of state: {@code {type, generation, pid, at, ...}}. The types are the
   * states in small letters, and {@code restarted}, {@code restart_failed}, {@code successor_lost}
   * (there generation and pid are the successor's), {@code drained}, {@code ownership_released} and
   * {@code ownership_taken}.
   */
  public static final String EVENTS = "goagain.events";

  /** Published on SIGHUP: the application should read its configuration again. */
  public static final String RELOAD = "goagain.reload";

  /** Published on SIGUSR1: the application should open its log files again. */
  public static final String REOPEN = "goagain.reopen";

  private RestartMessages() {}
}
