package io.goagain;

/**
 * Why a restart did not happen. {@link #code()} is the {@code failureCode} of the reply to {@code
 * goagain.restart}; the message of that reply says what was tried and what to do. In all of these
 * cases the process that was asked goes on with what it did.
 */
public enum RestartFailure {
  /** Another restart is under way, or the predecessor of this process still drains. */
  IN_PROGRESS(1, "another restart is in progress"),
  /** The platform cannot pass listeners on: no Linux, or no native epoll. */
  NOT_SUPPORTED(2, "restarts are not supported here"),
  /** The message to {@code goagain.restart} has an unknown field or a value of the wrong type. */
  INVALID_REQUEST(3, "the request is not valid"),
  /** The command, its interpreter or its working directory is not there. */
  COMMAND_NOT_FOUND(4, "the command of the next generation does not exist"),
  /** The command is there and cannot be executed. */
  COMMAND_NOT_EXECUTABLE(5, "the command of the next generation cannot be executed"),
  /** The kernel refused to make the successor: descriptors, memory, processes. */
  SPAWN_FAILED(6, "the successor could not be spawned"),
  /** The successor ended before it was ready. */
  SUCCESSOR_EXITED(7, "the successor ended before it was ready"),
  /** The successor was not ready within {@code readyTimeout}. */
  NOT_READY(8, "the successor was not ready in time"),
  /** The successor speaks another version of the handover protocol, or none. */
  PROTOCOL_MISMATCH(9, "the successor speaks another protocol"),
  /** The successor said ready and holds no listener at all. */
  NO_LISTENER(10, "the successor holds no listener"),
  /** This process is stopping, or has handed over already. */
  STOPPING(11, "this process is on its way out"),
  /** This process is not ready itself yet. */
  NOT_SERVING(12, "this process does not serve yet"),
  /** The successor was ready and died while its predecessor could still take over again. */
  SUCCESSOR_LOST(13, "the successor died after it was ready"),
  /** Something that should not happen; the message has the exception. */
  INTERNAL(14, "internal error"),
  /** The process that a stand-in serves for could not execute its next image: it serves again. */
  EXEC_FAILED(15, "the next image could not be executed"),
  /** The next image of the process that a stand-in serves for did not come: it goes on serving. */
  NOT_RETURNED(16, "the process that is stood in for did not come back"),
  /** The successor told what failed while it exercised itself: see {@link WarmUpOptions}. */
  WARM_UP_FAILED(17, "the warm-up of the successor failed"),
  /** A check of {@link RestartVerticle#readiness} failed. */
  UNHEALTHY(18, "the successor does not find itself ready");

  private final int code;
  private final String sentence;

  RestartFailure(int code, String sentence) {
    this.code = code;
    this.sentence = sentence;
  }

  /** The failure code in event-bus replies. It never changes its meaning. */
  public int code() {
    return code;
  }

  /** What it means, without the particulars of a case. */
  public String sentence() {
    return sentence;
  }

  /**
   * The failure of a code.
   *
   * @throws IllegalArgumentException if no failure has it
   */
  public static RestartFailure ofCode(int code) {
    for (RestartFailure failure : values()) {
      if (failure.code == code) {
        return failure;
      }
    }
    throw new IllegalArgumentException("no RestartFailure has the code " + code);
  }
}
