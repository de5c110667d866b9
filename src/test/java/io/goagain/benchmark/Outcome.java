package io.goagain.benchmark;

/** How a request ended. */
enum Outcome {
  ANSWERED,
  REFUSED,
  RESET,
  CLOSED,
  TIMED_OUT,
  NOT_200
}
