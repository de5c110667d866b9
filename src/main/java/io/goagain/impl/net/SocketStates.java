package io.goagain.impl.net;

import io.goagain.impl.posix.Descriptors;
import io.goagain.impl.posix.PosixException;
import io.netty.channel.Channel;
import io.netty.channel.unix.UnixChannel;
import io.vertx.core.Future;
import io.vertx.core.Promise;
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

  /**
   * Takes a connection away from Vert.x, on whose event loop this is called. The future is
   * completed with its descriptor, for the caller to own, when nothing reads from it any more.
   */
  public static Future<Integer> detach(NetSocket socket) {
    Channel channel = ((NetSocketInternal) socket).channelHandlerContext().channel();
    Promise<Integer> detached = Promise.promise();
    try {
      // As another one is open, the peer does not notice the close.
      int duplicate = Descriptors.duplicate(((UnixChannel) channel).fd().intValue());
      channel.closeFuture().addListener(closed -> detached.complete(duplicate));
      channel.close();
    } catch (PosixException e) {
      detached.fail(e);
    }
    return detached.future();
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
