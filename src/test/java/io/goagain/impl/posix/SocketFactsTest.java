package io.goagain.impl.posix;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.goagain.impl.posix.SocketFacts.Domain;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

@EnabledOnOs(OS.LINUX)
class SocketFactsTest {

  private final List<Integer> opened = new ArrayList<>();

  @AfterEach
  void closeAll() throws PosixException {
    for (int fd : opened) {
      Descriptors.close(fd);
    }
  }

  @Test
  void ipv4Listener() throws Exception {
    int fd = listening(inet4("127.0.0.1"));
    SocketFacts facts = SocketFacts.of(fd);
    assertEquals(Domain.INET, facts.domain());
    assertEquals(SocketFacts.Type.STREAM, facts.type());
    assertTrue(facts.listening());
    assertEquals(ip("127.0.0.1"), facts.inet().getAddress());
    assertNotEquals(0, facts.inet().getPort());
    assertNull(facts.unixPath());
    // The port is the one that a client reaches it at.
    try (java.net.Socket client =
        new java.net.Socket(facts.inet().getAddress(), facts.inet().getPort())) {
      assertTrue(client.isConnected());
    }
  }

  @Test
  void ipv6Listener() throws Exception {
    SocketFacts facts = SocketFacts.of(listening(inet6("::1", 0)));
    assertEquals(Domain.INET6, facts.domain());
    assertTrue(facts.listening());
    assertEquals(ip("::1"), facts.inet().getAddress());
    assertNotEquals(0, facts.inet().getPort());
  }

  @Test
  void ipv6Wildcard() throws Exception {
    SocketFacts facts = SocketFacts.of(listening(inet6("::", 0)));
    assertInstanceOf(Inet6Address.class, facts.inet().getAddress());
    assertTrue(facts.inet().getAddress().isAnyLocalAddress());
  }

  @Test
  void ipv4MappedIsGivenAsIpv4() throws Exception {
    for (String host : List.of("127.0.0.1", "0.0.0.0")) {
      SocketFacts facts = SocketFacts.of(listening(mapped(host)));
      assertEquals(Domain.INET6, facts.domain());
      assertInstanceOf(Inet4Address.class, facts.inet().getAddress());
      assertEquals(host, facts.inet().getAddress().getHostAddress());
    }
  }

  @Test
  void scopeOfALinkLocalAddressIsKept() throws Exception {
    Optional<Inet6Address> linkLocal =
        NetworkInterface.networkInterfaces()
            .flatMap(NetworkInterface::inetAddresses)
            .filter(Inet6Address.class::isInstance)
            .map(Inet6Address.class::cast)
            .filter(InetAddress::isLinkLocalAddress)
            .findFirst();
    assumeTrue(linkLocal.isPresent(), "no link-local address on this machine");
    int scope = linkLocal.get().getScopeId();
    byte[] address = inet6(linkLocal.get().getHostAddress(), scope);
    InetAddress found = SocketFacts.of(listening(address)).inet().getAddress();
    assertEquals(scope, assertInstanceOf(Inet6Address.class, found).getScopeId());
  }

  @Test
  void scopeIsReadFromTheAddress() throws Exception {
    InetAddress found = SocketFacts.inet6(inet6("fe80::1", 7)).getAddress();
    assertEquals("fe80:0:0:0:0:0:0:1%7", found.getHostAddress());
  }

  @Test
  void unixPath(@TempDir Path directory) throws Exception {
    String path = directory + "/gr\u00fc\u00df.sock";
    SocketFacts facts = SocketFacts.of(listening(unix(LibC.bytes(path))));
    assertEquals(new SocketFacts(Domain.UNIX, SocketFacts.Type.STREAM, true, null, path), facts);
  }

  /** 108 bytes fill sun_path, and the kernel puts the terminator beyond it. */
  @Test
  void longestUnixPath(@TempDir Path directory) throws Exception {
    String start = directory + "/";
    assumeTrue(start.length() < 108, "temporary directory is too deep");
    String path = start + "x".repeat(108 - start.length());
    int fd = listening(unix(path.getBytes(StandardCharsets.UTF_8)));
    assertEquals(path, SocketFacts.of(fd).unixPath());
  }

  @Test
  void abstractNameHasTheLengthThatTheKernelGives() throws Exception {
    String name = "\0goagain-" + Processes.pid() + "\0tail\0";
    SocketFacts facts = SocketFacts.of(listening(unix(name.getBytes(StandardCharsets.UTF_8))));
    assertEquals(name, facts.unixPath());
  }

  @Test
  void unnamedUnixSocket() throws Exception {
    int[] pair = Descriptors.socketPair();
    opened.add(pair[0]);
    opened.add(pair[1]);
    assertEquals(
        new SocketFacts(Domain.UNIX, SocketFacts.Type.STREAM, false, null, ""),
        SocketFacts.of(pair[0]));
  }

  @Test
  void connectedSocketDoesNotListen() throws Exception {
    int server = listening(inet4("127.0.0.1"));
    byte[] address = new byte[16];
    TestLibC.ok(TestLibC.getsockname(server, address, new int[] {16}), "getsockname()");
    int client = socket(LibC.AF_INET, LibC.SOCK_STREAM);
    TestLibC.ok(TestLibC.connect(client, address, address.length), "connect()");
    SocketFacts facts = SocketFacts.of(client);
    assertEquals(SocketFacts.Type.STREAM, facts.type());
    assertFalse(facts.listening());
  }

  @Test
  void boundSocketDoesNotListenYet() throws Exception {
    assertFalse(SocketFacts.of(bound(LibC.SOCK_STREAM, inet4("127.0.0.1"))).listening());
  }

  @Test
  void datagramSocket() throws Exception {
    SocketFacts facts = SocketFacts.of(bound(LibC.SOCK_DGRAM, inet4("127.0.0.1")));
    assertEquals(Domain.INET, facts.domain());
    assertEquals(SocketFacts.Type.DATAGRAM, facts.type());
    assertFalse(facts.listening());
  }

  @Test
  void otherDomain() throws Exception {
    int netlink = socket(16, LibC.SOCK_DGRAM);
    assertEquals(
        new SocketFacts(Domain.OTHER, SocketFacts.Type.DATAGRAM, false, null, null),
        SocketFacts.of(netlink));
  }

  @Test
  void file() throws Exception {
    int fd = TestLibC.openForWriting("/dev/null");
    opened.add(fd);
    PosixException e = assertThrows(PosixException.class, () -> SocketFacts.of(fd));
    assertEquals(Errno.ENOTSOCK, e.errno());
    assertEquals("getsockopt(" + fd + ", SO_DOMAIN)", e.call());
  }

  @Test
  void closedNumber() {
    PosixException e =
        assertThrows(PosixException.class, () -> SocketFacts.of(DescriptorsTest.NEVER_OPEN));
    assertEquals(Errno.EBADF, e.errno());
  }

  private int socket(int domain, int type) throws PosixException {
    int fd = TestLibC.ok(TestLibC.socket(domain, type | LibC.SOCK_CLOEXEC, 0), "socket()");
    opened.add(fd);
    return fd;
  }

  /** Skips the test where the machine has no such address, as containers without IPv6. */
  private int bound(int type, byte[] address) throws PosixException {
    int fd = TestLibC.socket(address[0], type | LibC.SOCK_CLOEXEC, 0);
    assumeTrue(fd != -1, "no such address family");
    opened.add(fd);
    int result = TestLibC.bind(fd, address, address.length);
    assumeTrue(
        result == 0 || LibC.failed("bind()").errno() != Errno.EADDRNOTAVAIL, "no such address");
    TestLibC.ok(result, "bind()");
    return fd;
  }

  private int listening(byte[] address) throws PosixException {
    int fd = bound(LibC.SOCK_STREAM, address);
    TestLibC.ok(TestLibC.listen(fd, 8), "listen()");
    return fd;
  }

  private static InetAddress ip(String literal) throws Exception {
    return InetAddress.getAllByName(literal)[0];
  }

  private static byte[] inet4(String host) throws Exception {
    return address(16, LibC.AF_INET).put(4, ip(host).getAddress()).array();
  }

  private static byte[] inet6(String host, int scope) throws Exception {
    byte[] ip = ip(host.replaceFirst("%.*", "")).getAddress();
    return address(28, LibC.AF_INET6).put(8, ip).putInt(24, scope).array();
  }

  private static byte[] mapped(String host) throws Exception {
    return address(28, LibC.AF_INET6)
        .put(18, new byte[] {-1, -1})
        .put(20, ip(host).getAddress())
        .array();
  }

  private static byte[] unix(byte[] path) {
    return address(2 + path.length, LibC.AF_UNIX).put(2, path).array();
  }

  private static ByteBuffer address(int size, int family) {
    ByteBuffer buffer = ByteBuffer.allocate(size).order(ByteOrder.nativeOrder());
    return buffer.putShort(0, (short) family);
  }
}
