package io.goagain;

import io.goagain.impl.ThisProcess;

/**
 * The place of this process in the line of restarts.
 *
 * @param number 1 for a process that nobody handed anything over to, then 2, 3 ...
 * @param pid of this process
 * @param predecessorPid of the process that this one took or takes over from; 0 in generation 1
 */
public record Generation(int number, long pid, long predecessorPid) {

  /** This process's. Can be called at any time, from any thread. */
  public static Generation current() {
    return ThisProcess.get().generation();
  }
}
