package io.goagain.impl.net;

import io.goagain.impl.posix.SocketFacts;
import io.netty.channel.unix.DomainSocketAddress;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;

/**
 * Where a listener is bound: an IP address and port, or a Unix path (abstract ones begin with NUL).
 */
public sealed interface ListenerAddress {

  /** IPv4-mapped addresses are held as IPv4: Netty binds IPv4 listeners on IPv6 sockets. */
  record Inet(InetAddress ip, int port) implements ListenerAddress {
    @Override
    public boolean serves(ListenerAddress wanted) {
      return wanted instanceof Inet that
          && (that.port == 0 || that.port == port)
          && (isSame(ip, that.ip) || (ip.isAnyLocalAddress() && coversWildcard(that)));
    }

    /** {@link Inet6Address#equals} leaves out the interface of a link-local address. */
    private static boolean isSame(InetAddress one, InetAddress other) {
      return one.equals(other)
          && (!(one instanceof Inet6Address a && other instanceof Inet6Address b)
              || a.getScopeId() == b.getScopeId());
    }

    private boolean coversWildcard(Inet wanted) {
      // A socket on [::] takes IPv4 as well, as systemd's ListenStream=8080 makes one.
      return wanted.ip.isAnyLocalAddress() && !(ip instanceof Inet4Address);
    }

    @Override
    public SocketAddress toSocketAddress() {
      return new InetSocketAddress(ip, port);
    }

    @Override
    public String toString() {
      String host = ip.getHostAddress();
      return (ip instanceof Inet4Address ? host : "[" + host + "]") + ":" + port;
    }
  }

  /** A Unix socket's path. */
  record Unix(String path) implements ListenerAddress {
    @Override
    public boolean serves(ListenerAddress wanted) {
      return equals(wanted);
    }

    boolean isAbstract() {
      return path.startsWith("\0");
    }

    @Override
    public SocketAddress toSocketAddress() {
      return new DomainSocketAddress(path);
    }

    @Override
    public String toString() {
      return isAbstract() ? "@" + path.substring(1) : path;
    }
  }

  /** Whether a server that asks for {@code wanted} is served by a listener bound here. */
  boolean serves(ListenerAddress wanted);

  SocketAddress toSocketAddress();

  static ListenerAddress of(SocketFacts facts) throws IOException {
    return switch (facts.domain()) {
      case INET, INET6 -> new Inet(facts.inet().getAddress(), facts.inet().getPort());
      case UNIX -> new Unix(facts.unixPath());
      case OTHER -> throw new IOException("not an Internet or Unix socket: " + facts);
    };
  }

  static ListenerAddress of(SocketAddress address) {
    if (address instanceof DomainSocketAddress unix) {
      return new Unix(unix.path());
    }
    if (address instanceof InetSocketAddress inet && inet.getAddress() != null) {
      return new Inet(inet.getAddress(), inet.getPort());
    }
    throw new IllegalArgumentException("cannot listen on " + address);
  }
}
