package io.goagain.impl.net;

import static java.lang.System.Logger.Level.WARNING;

import io.goagain.impl.posix.OwnSockets;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.socket.SocketChannel;
import io.vertx.core.net.SocketAddress;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A second way to the server of a listener, for this process alone, while nobody else is let in. It
 * is a port of the loopback interface; whoever connects from another process is not heard.
 */
public final class PrivateDoor implements AutoCloseable {

  private static final System.Logger LOG = System.getLogger(PrivateDoor.class.getName());
  private static final byte[] LOOPBACK = {127, 0, 0, 1};
  private static final Set<Integer> OPEN = ConcurrentHashMap.newKeySet();

  private final Listeners listeners;
  private final Listener listener;
  private final EpollServerSocketChannel channel = new EpollServerSocketChannel();

  private PrivateDoor(Listeners listeners, Listener listener) {
    this.listeners = listeners;
    this.listener = listener;
  }

  /** Completes on an event loop, with an IOException where there is no loopback interface. */
  public static CompletableFuture<PrivateDoor> open(Listeners listeners, Listener listener) {
    PrivateDoor door = new PrivateDoor(listeners, listener);
    CompletableFuture<PrivateDoor> opened = new CompletableFuture<>();
    try {
      door.bind(new InetSocketAddress(InetAddress.getByAddress(LOOPBACK), 0), opened);
    } catch (IOException e) {
      throw new IllegalStateException(e); // four bytes are an address
    }
    return opened;
  }

  private void bind(InetSocketAddress any, CompletableFuture<PrivateDoor> opened) {
    channel.pipeline().addLast(new Forwarder());
    listener
        .channel()
        .eventLoop()
        .register(channel)
        .addListener(
            registered ->
                channel
                    .bind(any)
                    .addListener(
                        bound -> {
                          if (bound.isSuccess()) {
                            OPEN.add(port());
                            opened.complete(this);
                          } else {
                            channel.close();
                            opened.completeExceptionally(bound.cause());
                          }
                        }));
  }

  /** On 127.0.0.1. */
  public int port() {
    return channel.localAddress().getPort();
  }

  /** Whether a connection that has this local address has come through such a door. */
  public static boolean isBehind(SocketAddress local) {
    return !OPEN.isEmpty()
        && local != null
        && local.isInetSocket()
        && OPEN.contains(local.port())
        && "127.0.0.1".equals(local.hostAddress());
  }

  static boolean isBehind(Channel connection) {
    return connection.localAddress() instanceof InetSocketAddress local
        && local.getAddress().isLoopbackAddress()
        && OPEN.contains(local.getPort());
  }

  /** What has come in stays. */
  @Override
  public void close() {
    int port = port();
    channel.close().addListener(closed -> OPEN.remove(port));
  }

  private final class Forwarder extends ChannelInboundHandlerAdapter {
    @Override
    public void channelRead(ChannelHandlerContext ctx, Object accepted) {
      SocketChannel connection = (SocketChannel) accepted;
      if (isOurs(connection)) {
        listeners.track(new TrackedConnection((Channel) accepted, listener, null));
        listener.channel().serve(connection);
      } else {
        connection.unsafe().closeForcibly();
      }
    }

    private boolean isOurs(SocketChannel connection) {
      try {
        return connection.remoteAddress() != null // else it is gone already
            && OwnSockets.connects(connection.remoteAddress(), connection.localAddress());
      } catch (IOException e) {
        LOG.log(WARNING, "a connection is refused, as it is not known whose it is", e);
        return false;
      }
    }
  }
}
