package io.goagain.impl.net;

import io.goagain.impl.posix.Descriptors;
import io.goagain.impl.posix.PosixException;
import io.netty.channel.AbstractServerChannel;
import io.netty.channel.Channel;
import io.netty.channel.ChannelConfig;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.UnixChannel;
import io.netty.util.NetUtil;
import java.io.IOException;
import java.net.BindException;
import java.net.SocketAddress;

/**
 * A server channel that decides when it is bound, and only then knows, whether it adopts an
 * inherited listener or binds a socket of its own. The epoll channel that does the work is created
 * there; what that one accepts comes out of this one's pipeline, where Vert.x waits for it.
 *
 * <p>All methods that Netty calls run on the acceptor event loop.
 */
final class AdoptingServerChannel extends AbstractServerChannel {

  private final RecordingConfig config = new RecordingConfig(this, this::acceptingChanged);
  private final Listeners listeners;
  private final ListenerSettings settings;
  private Channel real;
  private volatile Listener listener;
  private boolean open = true;

  AdoptingServerChannel(Listeners listeners, ListenerSettings settings) {
    this.listeners = listeners;
    this.settings = settings;
  }

  @Override
  protected void doBind(SocketAddress wanted) throws Exception {
    ListenerAddress address = ListenerAddress.of(wanted);
    InheritedListener inherited = listeners.claim(settings.name(), address);
    real = inherited != null ? adopt(inherited) : fresh(wanted);
    real.pipeline().addLast(new Forwarder());
    if (inherited == null) {
      // An adopted socket has its options already.
      config.applyTo(real.config());
    }
    real.config().setAutoRead(false);
    await(eventLoop().register(real), wanted);
    if (inherited == null && !(wanted instanceof DomainSocketAddress)) {
      await(real.bind(wanted), wanted);
    }
    ListenerAddress bound =
        inherited != null
            ? inherited.address()
            : address instanceof ListenerAddress.Unix
                ? address
                : ListenerAddress.of(real.localAddress());
    listener = listeners.opened(bound, address, inherited, settings, this);
    applyAutoRead();
    eventLoop().execute(this::allocate);
  }

  /** The first buffer takes a tenth of a second: Netty registers events of Flight Recorder. */
  private void allocate() {
    config.getAllocator().ioBuffer(1).release();
  }

  private static Channel adopt(InheritedListener inherited) {
    // From here on the channel owns the descriptor, and closes it even if it cannot be registered.
    return inherited.address() instanceof ListenerAddress.Unix
        ? new EpollServerDomainSocketChannel(inherited.descriptor(), true)
        : new EpollServerSocketChannel(inherited.descriptor());
  }

  private Channel fresh(SocketAddress wanted) throws IOException {
    if (!(wanted instanceof DomainSocketAddress unix)) {
      return new EpollServerSocketChannel();
    }
    // Not bound by Netty, which would delete what is at the path before, and delete the path when
    // it closes, under the generation that goes on serving it.
    UnixPaths.removeStale(unix.path());
    Integer backlog = config.getOption(ChannelOption.SO_BACKLOG);
    try {
      int descriptor =
          Descriptors.listenUnix(unix.path(), backlog == null ? NetUtil.SOMAXCONN : backlog);
      return new EpollServerDomainSocketChannel(descriptor, true);
    } catch (PosixException e) {
      // As Vert.x users know it from TCP.
      throw (BindException) new BindException(e.getMessage()).initCause(e);
    }
  }

  /** On the event loop both register and bind are done when they return. */
  private void await(ChannelFuture done, SocketAddress wanted) throws IOException {
    if (done.isSuccess()) {
      return;
    }
    Channel failed = real;
    real = null;
    failed.unsafe().closeForcibly();
    Throwable cause = done.cause();
    if (cause instanceof IOException failure) {
      throw failure;
    }
    throw new IOException("could not listen on " + wanted, cause);
  }

  /** The descriptor, to be handed to a successor. It stays this channel's. */
  int descriptor() {
    return ((UnixChannel) real).fd().intValue();
  }

  /** Takes {@link Listeners#accepting} over. Any thread. */
  void acceptingChanged() {
    EventLoop loop = eventLoop();
    if (loop.inEventLoop()) {
      applyAutoRead();
    } else {
      loop.execute(this::applyAutoRead);
    }
  }

  private void applyAutoRead() {
    if (open && listener != null && real.isOpen()) {
      real.config()
          .setAutoRead(config.isAutoRead() && listeners.accepting() && !listener.isDraining());
    }
  }

  /** Closes the socket; this channel stays, for connections that come back from a successor. */
  void stopListening() {
    eventLoop().execute(() -> real.close());
  }

  /** Lets a connection that another process had come in as if it had been accepted. Any thread. */
  void serve(Channel connection) {
    eventLoop()
        .execute(
            () -> {
              if (!open) {
                connection.unsafe().closeForcibly();
                return;
              }
              pipeline().fireChannelRead(connection);
              pipeline().fireChannelReadComplete();
            });
  }

  private final class Forwarder extends ChannelInboundHandlerAdapter {
    @Override
    public void channelRead(ChannelHandlerContext ctx, Object accepted) {
      if (settings.access() != null
          && !Doorkeeper.admits((Channel) accepted, listener, listeners, settings.access())) {
        return;
      }
      listeners.track(new TrackedConnection((Channel) accepted, listener, null));
      pipeline().fireChannelRead(accepted);
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
      pipeline().fireChannelReadComplete();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      // Netty's acceptor answers a failed accept (a full descriptor table) by pausing for a second,
      // through this channel's auto-read.
      pipeline().fireExceptionCaught(cause);
    }
  }

  @Override
  public ChannelConfig config() {
    return config;
  }

  @Override
  protected void doBeginRead() {
    acceptingChanged();
  }

  @Override
  protected boolean isCompatible(EventLoop loop) {
    return true;
  }

  @Override
  protected SocketAddress localAddress0() {
    Listener bound = listener;
    return bound == null ? null : bound.address().toSocketAddress();
  }

  @Override
  protected void doClose() {
    open = false;
    if (listener != null) {
      listeners.closed(listener);
    }
    if (real != null) {
      real.close();
    }
  }

  @Override
  public boolean isOpen() {
    return open;
  }

  @Override
  public boolean isActive() {
    return open && listener != null;
  }
}
