package io.goagain.cluster.impl;

import io.goagain.RestartFailure;

/** A request that is not granted; the message is for whoever asked. */
final class Refusal extends Exception {

  private final RestartFailure failure;

  Refusal(RestartFailure failure, String message) {
    super(message);
    this.failure = failure;
  }

  RestartFailure failure() {
    return failure;
  }
}
