package io.goagain.cli;

import io.vertx.core.json.JsonObject;

/** Why a command did not do what it was asked for: an exit code and a sentence. */
final class CliException extends Exception {

  /** Exit code: what was asked for failed. */
  static final int FAILED = 1;

  /** Exit code: the command line is wrong. */
  static final int USAGE = 2;

  /** Exit code: the service was not reached, or does not listen to this user. */
  static final int UNREACHABLE = 3;

  private final int exitCode;
  private final String code;

  private CliException(int exitCode, String code, String message, Throwable cause) {
    super(message, cause);
    this.exitCode = exitCode;
    this.code = code;
  }

  static CliException failed(String code, String message) {
    return new CliException(FAILED, code, message, null);
  }

  /** Another try may reach it: a successor may be about to serve. */
  static CliException unreachable(String message, Throwable cause) {
    return new CliException(UNREACHABLE, "UNREACHABLE", message, cause);
  }

  /** Somebody answers, and not with what was asked for: another try would bring the same. */
  static CliException refused(String code, String message) {
    return new CliException(UNREACHABLE, code, message, null);
  }

  int exitCode() {
    return exitCode;
  }

  boolean isWorthAnotherTry() {
    return code.equals("UNREACHABLE");
  }

  /** As the control API tells failures. */
  JsonObject toJson() {
    return new JsonObject().put("code", code).put("message", getMessage());
  }
}
