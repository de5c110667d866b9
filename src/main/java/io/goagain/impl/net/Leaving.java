package io.goagain.impl.net;

/**
 * How a connection of some protocol is brought to its end or to the successor. On its event loop.
 */
interface Leaving {

  /** Now, or at the next moment at which nothing is lost. */
  void leave();

  /** As if {@link #leave} had not been called, as far as the peer has not been told yet. */
  void stay();

  /** Requests that were begun and not answered. Any thread; may lag behind by a moment. */
  default int inFlight() {
    return 0;
  }

  /** The deadline has come, and the connection is closed after this. */
  default void lastWord() {}
}
