package io.goagain.impl.posix;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * What the kernel says of a socket, whoever made it: socket(7), getsockname(2).
 *
 * @param inet where it is bound, for INET and INET6, else null. IPv4-mapped IPv6 addresses are
 *     given as IPv4, scope ids are kept. Port 0 if it is not bound
 * @param unixPath where it is bound, for UNIX, else null. Decoded as UTF-8. Abstract names begin
 *     with NUL and may hold more of them; "" if it is not bound
 */
public record SocketFacts(
    Domain domain, Type type, boolean listening, InetSocketAddress inet, String unixPath) {

  /** The address family (SO_DOMAIN). */
  public enum Domain {
    INET,
    INET6,
    UNIX,
    OTHER
  }

  /** The kind of socket (SO_TYPE). */
  public enum Type {
    STREAM,
    DATAGRAM,
    OTHER
  }

  // sun_path has 108 bytes, and the kernel gives the longest ones a terminator beyond them.
  private static final int MAX_ADDRESS = 128;

  /**
   * Asks the kernel. The descriptor stays the caller's and is not changed.
   *
   * @throws PosixException EBADF if the number is not open; ENOTSOCK if it is no socket
   */
  public static SocketFacts of(int fd) throws PosixException {
    Domain domain =
        switch (option(fd, "SO_DOMAIN")) {
          case LibC.AF_INET -> Domain.INET;
          case LibC.AF_INET6 -> Domain.INET6;
          case LibC.AF_UNIX -> Domain.UNIX;
          default -> Domain.OTHER;
        };
    Type type =
        switch (option(fd, "SO_TYPE")) {
          case LibC.SOCK_STREAM -> Type.STREAM;
          case LibC.SOCK_DGRAM -> Type.DATAGRAM;
          default -> Type.OTHER;
        };
    boolean listening = domain != Domain.OTHER && option(fd, "SO_ACCEPTCONN") != 0;
    byte[] address = name(fd);
    return switch (domain) {
      case INET -> new SocketFacts(domain, type, listening, inet4(address), null);
      case INET6 -> new SocketFacts(domain, type, listening, inet6(address), null);
      case UNIX -> new SocketFacts(domain, type, listening, null, unixPath(address));
      case OTHER -> new SocketFacts(domain, type, listening, null, null);
    };
  }

  /**
   * What tells a socket from every other one since the machine was booted: SO_COOKIE, Linux 4.12.
   * All numbers of it have the same, in every process.
   *
   * @throws PosixException EBADF; ENOTSOCK; ENOPROTOOPT
   */
  public static long cookie(int fd) throws PosixException {
    int[] halves = new int[2];
    int[] length = {Long.BYTES};
    if (LibC.getsockopt(fd, LibC.SOL_SOCKET, LibC.SO_COOKIE, halves, length) == -1) {
      throw LibC.failed("getsockopt(" + fd + ", SO_COOKIE)");
    }
    return Integer.toUnsignedLong(halves[0]) | (long) halves[1] << 32;
  }

  static int option(int fd, String name) throws PosixException {
    int number =
        switch (name) {
          case "SO_DOMAIN" -> LibC.SO_DOMAIN;
          case "SO_TYPE" -> LibC.SO_TYPE;
          case "SO_ACCEPTCONN" -> LibC.SO_ACCEPTCONN;
          default -> throw new IllegalArgumentException(name);
        };
    int[] value = new int[1];
    if (LibC.getsockopt(fd, LibC.SOL_SOCKET, number, value, new int[] {Integer.BYTES}) == -1) {
      throw LibC.failed("getsockopt(" + fd + ", " + name + ")");
    }
    return value[0];
  }

  private static byte[] name(int fd) throws PosixException {
    byte[] address = new byte[MAX_ADDRESS];
    int[] length = {address.length};
    if (LibC.getsockname(fd, address, length) == -1) {
      throw LibC.failed("getsockname(" + fd + ")");
    }
    return Arrays.copyOf(address, Math.min(length[0], address.length));
  }

  /** struct sockaddr_in (netinet/in.h): family 2 bytes, port 2, address 4. */
  static InetSocketAddress inet4(byte[] address) {
    return new InetSocketAddress(ip(Arrays.copyOfRange(address, 4, 8), 0), port(address));
  }

  /** struct sockaddr_in6 (netinet/in.h): family 2 bytes, port 2, flow 4, address 16, scope 4. */
  static InetSocketAddress inet6(byte[] address) {
    int scope = ByteBuffer.wrap(address).order(ByteOrder.nativeOrder()).getInt(24);
    return new InetSocketAddress(ip(Arrays.copyOfRange(address, 8, 24), scope), port(address));
  }

  /** struct sockaddr_un (sys/un.h): family 2 bytes, path. */
  static String unixPath(byte[] address) {
    int start = 2;
    int end = address.length;
    boolean isAbstract = end > start && address[start] == 0;
    if (!isAbstract) {
      // The length of a path counts its terminator, and that of an abstract name has none.
      for (int i = start; i < end; i++) {
        if (address[i] == 0) {
          end = i;
        }
      }
    }
    return new String(address, start, Math.max(0, end - start), StandardCharsets.UTF_8);
  }

  private static int port(byte[] address) {
    return Short.toUnsignedInt(ByteBuffer.wrap(address).getShort(2));
  }

  private static InetAddress ip(byte[] bytes, int scope) {
    try {
      // The second turns IPv4-mapped addresses into IPv4; those have no scope.
      return scope != 0
          ? Inet6Address.getByAddress(null, bytes, scope)
          : InetAddress.getByAddress(bytes);
    } catch (UnknownHostException e) {
      throw new AssertionError(e); // only for a wrong number of bytes
    }
  }
}
