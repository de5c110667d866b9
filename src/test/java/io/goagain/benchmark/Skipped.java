package io.goagain.benchmark;

/** A variant cannot run here; the message says why. */
final class Skipped extends Exception {
  private static final long serialVersionUID = 1;

  Skipped(String why) {
    super(why);
  }
}
