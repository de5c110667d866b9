package io.goagain.impl;

import io.goagain.RestartFailure;

/** A restart that did not happen; the message is for a person who can do something about it. */
final class RestartException extends Exception {

  private final RestartFailure failure;

  RestartException(RestartFailure failure, String message) {
    super(message);
    this.failure = failure;
  }

  RestartException(RestartFailure failure, String message, Throwable cause) {
    super(message, cause);
    this.failure = failure;
  }

  RestartFailure failure() {
    return failure;
  }
}
