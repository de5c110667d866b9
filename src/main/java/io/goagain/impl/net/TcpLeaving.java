package io.goagain.impl.net;

/**
 * What a TCP protocol needs to come to an end, its application knows: it has until the deadline.
 */
final class TcpLeaving implements Leaving {

  @Override
  public void leave() {
    // Nothing to do.
  }

  @Override
  public void stay() {
    // Nothing was done.
  }
}
