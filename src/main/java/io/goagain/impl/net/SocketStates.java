package io.goagain.impl.net;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.internal.net.NetSocketInternal;
import io.vertx.core.net.NetSocket;
import java.util.function.Supplier;

/**
 * Ties a Vert.x socket to its tracked connection, for which Vert.x has an internal interface only.
 */
public final class SocketStates {

  private SocketStates() {}

  /** What an old owner's application knew of the connection, or null if it is new. */
  public static Buffer stateOf(NetSocket socket) {
    TrackedConnection connection = connectionOf(socket);
    byte[] state = connection == null ? null : connection.state();
    return state == null ? null : Buffer.buffer(state);
  }

  /** Sets what is asked, on the socket's event loop, for its state when it is to move. */
  public static void onRelease(NetSocket socket, Supplier<Buffer> release) {
    TrackedConnection connection = connectionOf(socket);
    if (connection != null) {
      connection.onRelease(
          () -> {
            Buffer state = release.get();
            return state == null ? null : state.getBytes();
          });
    }
  }

  /** Null where listeners cannot be passed on. */
  private static TrackedConnection connectionOf(NetSocket socket) {
    return ((NetSocketInternal) socket)
        .channelHandlerContext()
        .channel()
        .attr(TrackedConnection.KEY)
        .get();
  }
}
