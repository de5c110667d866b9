package io.goagain.impl.net;

import io.netty.channel.ChannelFactory;
import io.netty.channel.ServerChannel;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.spi.transport.Transport;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;

/**
 * A Vert.x transport that is another one but for its server channels.
 *
 * <p>It is a dynamic proxy because the transport SPI changes from one minor version of Vert.x to
 * the next: whatever is added to it goes to the wrapped transport untouched.
 */
public final class AdoptingTransport implements InvocationHandler {

  /** By its name: it is no class to depend on. */
  private static final String CLUSTERED_EVENT_BUS =
      "io.vertx.core.eventbus.impl.clustered.ClusteredEventBus";

  private final Transport wrapped;
  private final Listeners listeners;

  private AdoptingTransport(Transport wrapped, Listeners listeners) {
    this.wrapped = wrapped;
    this.listeners = listeners;
  }

  /** Around Vert.x's epoll transport, also where the user did not ask for a native one. */
  public static Transport create(Listeners listeners) {
    Transport epoll = io.vertx.core.transport.Transport.EPOLL.implementation();
    return (Transport)
        Proxy.newProxyInstance(
            AdoptingTransport.class.getClassLoader(),
            new Class<?>[] {Transport.class},
            new AdoptingTransport(epoll, listeners));
  }

  /** Why listeners cannot be passed on here, or null where they can. */
  public static String unavailability() {
    if (!System.getProperty("os.name").equals("Linux")) {
      return "restarts need Linux, and this is " + System.getProperty("os.name");
    }
    io.vertx.core.transport.Transport epoll = io.vertx.core.transport.Transport.EPOLL;
    if (epoll == null) {
      return "netty-transport-native-epoll is not on the class path";
    }
    return epoll.available()
        ? null
        : "Netty's native epoll transport does not load: " + epoll.unavailabilityCause();
  }

  @Override
  public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
    if (method.getName().equals("serverChannelFactory") && !isForEventBus()) {
      return serverChannelFactory();
    }
    try {
      return method.invoke(wrapped, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  /**
   * Whether the clustered event bus binds its server. That is at another port in each process,
   * which the cluster is told: a successor has nothing to adopt there, its own one has to be there
   * before it is ready, and Vert.x closes it last.
   */
  private static boolean isForEventBus() {
    return StackWalker.getInstance()
        .walk(frames -> frames.anyMatch(frame -> frame.getClassName().equals(CLUSTERED_EVENT_BUS)));
  }

  /**
   * Vert.x asks for the factory on the context that called {@code listen}, which is how the {@link
   * ListenerSettings} of that context get here: the SPI has no room for it.
   */
  private ChannelFactory<ServerChannel> serverChannelFactory() {
    Context context = Vertx.currentContext();
    ListenerSettings settings = context == null ? null : context.get(ListenerSettings.CONTEXT_KEY);
    return () ->
        new AdoptingServerChannel(
            listeners, settings == null ? ListenerSettings.unnamed() : settings);
  }
}
