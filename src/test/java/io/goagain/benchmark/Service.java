package io.goagain.benchmark;

/** A server that runs and can be restarted. */
interface Service extends AutoCloseable {
  /**
   * A restart.
   *
   * @param signalled when it was asked for, as {@link System#nanoTime()}
   * @param ready when the new process served
   */
  record Restart(long signalled, long ready) {}

  /** Where it listens, on the loopback interface. */
  int port();

  /** Whether a session, by its number, is one that its processes are in. */
  boolean owns(long session);

  /** Restarts it, and returns when the new process serves. */
  Restart restart() throws Exception;

  /** Waits until the old process is gone. */
  void settle() throws Exception;

  /** Kills all that is left. */
  @Override
  void close();
}
