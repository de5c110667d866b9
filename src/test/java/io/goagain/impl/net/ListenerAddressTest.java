package io.goagain.impl.net;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.impl.posix.SocketFacts;
import io.netty.channel.local.LocalAddress;
import io.netty.channel.unix.DomainSocketAddress;
import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnknownHostException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ListenerAddressTest {

  @ParameterizedTest
  @CsvSource({
    // bound at,      asked for,      served
    "127.0.0.1 80,    127.0.0.1 80,   true",
    "127.0.0.1 80,    127.0.0.1 81,   false",
    "127.0.0.1 80,    127.0.0.2 80,   false",
    "127.0.0.1 80,    127.0.0.1 0,    true",
    "127.0.0.1 80,    127.0.0.2 0,    false",
    "127.0.0.1 80,    0.0.0.0 80,     false",
    "127.0.0.1 80,    ::1 80,         false",
    "0.0.0.0 80,      0.0.0.0 80,     true",
    "0.0.0.0 80,      0.0.0.0 0,      true",
    "0.0.0.0 80,      127.0.0.1 80,   false",
    "0.0.0.0 80,      :: 80,          false",
    ":: 80,           :: 80,          true",
    ":: 80,           0.0.0.0 80,     true",
    ":: 80,           0.0.0.0 81,     false",
    ":: 80,           127.0.0.1 80,   false",
    ":: 80,           ::1 80,         false",
    "::1 80,          ::1 80,         true",
    "::1 80,          127.0.0.1 80,   false",
    "::1 80,          :: 80,          false",
    "::ffff:7f00:1 80, 127.0.0.1 80,  true",
    "127.0.0.1 80,    ::ffff:7f00:1 80, true",
  })
  void aListenerServesWhatReachesIt(String bound, String wanted, boolean served) throws Exception {
    assertEquals(served, inet(bound).serves(inet(wanted)));
  }

  @Test
  void theSameLinkLocalAddressOnAnotherInterfaceIsAnotherAddress() throws Exception {
    byte[] ip = InetAddress.getByName("fe80::1").getAddress();
    ListenerAddress first = new ListenerAddress.Inet(Inet6Address.getByAddress(null, ip, 1), 80);
    ListenerAddress second = new ListenerAddress.Inet(Inet6Address.getByAddress(null, ip, 2), 80);
    assertFalse(first.serves(second));
  }

  @Test
  void aPathIsServedByItselfAlone() throws Exception {
    ListenerAddress path = new ListenerAddress.Unix("/run/app.sock");
    assertTrue(path.serves(new ListenerAddress.Unix("/run/app.sock")));
    assertFalse(path.serves(new ListenerAddress.Unix("/run/other.sock")));
    assertFalse(path.serves(new ListenerAddress.Unix("\0/run/app.sock")));
    assertFalse(path.serves(inet("127.0.0.1 0")));
    assertFalse(inet("127.0.0.1 80").serves(path));
  }

  @Test
  void textIsAsPeopleWriteIt() throws Exception {
    assertEquals("127.0.0.1:80", inet("127.0.0.1 80").toString());
    assertEquals("[0:0:0:0:0:0:0:1]:80", inet("::1 80").toString());
    assertEquals("127.0.0.1:80", inet("::ffff:127.0.0.1 80").toString());
    assertEquals("/run/app.sock", new ListenerAddress.Unix("/run/app.sock").toString());
    assertEquals("@app", new ListenerAddress.Unix("\0app").toString());
  }

  @Test
  void onlyNamesThatBeginWithNulAreAbstract() {
    assertTrue(new ListenerAddress.Unix("\0app").isAbstract());
    assertFalse(new ListenerAddress.Unix("@app").isAbstract());
    assertFalse(new ListenerAddress.Unix("").isAbstract());
  }

  @Test
  void socketAddressesSurviveTheRoundTrip() throws Exception {
    for (SocketAddress address :
        new SocketAddress[] {
          inet("127.0.0.1 80").toSocketAddress(),
          inet("::1 0").toSocketAddress(),
          new DomainSocketAddress("/run/app.sock"),
          new DomainSocketAddress("\0app")
        }) {
      assertEquals(address, ListenerAddress.of(address).toSocketAddress());
    }
  }

  @Test
  void whatNobodyCanListenOnIsRefused() {
    assertThrows(
        IllegalArgumentException.class,
        () -> ListenerAddress.of(InetSocketAddress.createUnresolved("nowhere", 80)));
    assertThrows(
        IllegalArgumentException.class, () -> ListenerAddress.of(new LocalAddress("netty")));
  }

  @Test
  void whatTheKernelSaysIsTaken() throws Exception {
    InetSocketAddress inet = (InetSocketAddress) inet("127.0.0.1 80").toSocketAddress();
    assertEquals(
        inet("127.0.0.1 80"), ListenerAddress.of(facts(SocketFacts.Domain.INET6, inet, null)));
    assertEquals(
        new ListenerAddress.Unix("\0app"),
        ListenerAddress.of(facts(SocketFacts.Domain.UNIX, null, "\0app")));
    assertNotEquals(
        new ListenerAddress.Unix("app"),
        ListenerAddress.of(facts(SocketFacts.Domain.UNIX, null, "\0app")));
    assertThrows(
        IOException.class, () -> ListenerAddress.of(facts(SocketFacts.Domain.OTHER, null, null)));
  }

  private static SocketFacts facts(
      SocketFacts.Domain domain, InetSocketAddress inet, String unixPath) {
    return new SocketFacts(domain, SocketFacts.Type.STREAM, true, inet, unixPath);
  }

  private static ListenerAddress inet(String ipAndPort) throws UnknownHostException {
    int space = ipAndPort.indexOf(' ');
    return new ListenerAddress.Inet(
        InetAddress.getByName(ipAndPort.substring(0, space)),
        Integer.parseInt(ipAndPort.substring(space + 1)));
  }
}
