package io.goagain;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.NetSocket;

/**
 * Moves live TCP connections to the successor together with what the application knows of them. The
 * connection is the old process's until it has released it, and then the new one's: a peer sees
 * nothing. Both methods are called on the socket's context, which must be an event loop, and the
 * socket must not be paused when it is asked for.
 */
public interface NetSocketHandover {

  /**
   * Lets a connection go. All that came from the peer has been given to the socket's handler by
   * then, so what of it is an unfinished message belongs into the state; all that was written
   * before goes out. Afterwards the socket is closed here, and nothing can be written any more.
   *
   * @return the state, at most some megabytes, or null if this connection stays and ends here
   */
  Buffer release(NetSocket socket);

  /** Takes a connection on, in place of the connect handler. */
  void adopt(NetSocket socket, Buffer state);
}
