package io.goagain.impl;

import io.goagain.impl.net.AdoptingTransport;
import io.vertx.core.internal.VertxBootstrap;
import io.vertx.core.spi.VertxServiceProvider;

/**
 * Gives every Vert.x instance of the process a transport whose servers can adopt inherited
 * listeners. Vert.x finds it with the {@link java.util.ServiceLoader}; no user code is needed.
 *
 * <p>Only epoll can adopt a descriptor. Where it is missing Vert.x keeps the transport it would
 * have had: servers work, and restarts are refused.
 */
public final class GoAgainServiceProvider implements VertxServiceProvider {

  @Override
  public void init(VertxBootstrap bootstrap) {
    // First thing in the life of a program that uses Vert.x, so the launch is as it was typed.
    if (ThisProcess.get().unsupported() == null) {
      bootstrap.transport(AdoptingTransport.create(ThisProcess.get().listeners()));
    }
  }
}
