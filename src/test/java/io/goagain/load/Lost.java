package io.goagain.load;

/** A request that was lost, how, and what the client knows of it. */
final class Lost extends Exception {
  private static final long serialVersionUID = 1;

  private final Failure failure;

  Lost(Failure failure, String message) {
    super(message);
    this.failure = failure;
  }

  Lost(Failure failure, String message, Throwable cause) {
    super(message + ": " + cause.getClass().getSimpleName() + " " + cause.getMessage(), cause);
    this.failure = failure;
  }

  Failure failure() {
    return failure;
  }
}
