package io.goagain.impl.net;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.goagain.impl.posix.Descriptors;
import io.goagain.impl.posix.PeerCredentials;
import io.goagain.impl.posix.PosixException;
import io.goagain.impl.posix.SocketFacts;
import io.goagain.impl.posix.Users;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

@EnabledOnOs(OS.LINUX)
@Timeout(60)
class ControlAccessTest {

  private static final int STRANGER = 4242;

  @Test
  void rootAndThisUserAreAlwaysAllowed() {
    ControlAccess access = ControlAccess.of(List.of());
    assertTrue(access.allows(new PeerCredentials(1, 0, 5)));
    assertTrue(access.allows(new PeerCredentials(1, Users.effectiveUser(), 5)));
    assertFalse(access.allows(new PeerCredentials(1, STRANGER, 0)));
    assertFalse(access.allows(new PeerCredentials(1, -1, 0)));
  }

  @Test
  void thoseWhoAreListedAreAllowed() {
    ControlAccess access = ControlAccess.of(List.of("root", "4242", "4294967294", "4242"));
    assertEquals(Set.of(0, STRANGER, -2), access.users());
    assertTrue(access.allows(new PeerCredentials(1, STRANGER, 5)));
    assertTrue(access.allows(new PeerCredentials(1, -2, 5)));
    assertFalse(access.allows(new PeerCredentials(1, STRANGER + 1, STRANGER)));
  }

  @Test
  void anUnknownUserIsRefusedWithTheOption() {
    String message =
        assertThrows(
                IllegalArgumentException.class, () -> ControlAccess.of(List.of("no-such-user")))
            .getMessage();
    assertTrue(
        message.startsWith("controlSocketUsers: there is no user \"no-such-user\""), message);
  }

  @Test
  void aRefusalNamesTheProcessAndTheOption() {
    int own = Users.effectiveUser();
    assertEquals(
        "process 77 of uid 4294967293 may not use the control socket, only uid "
            + (own == 0 ? "0" : "0, " + own)
            + ", 4294967294; controlSocketUsers adds others",
        ControlAccess.of(List.of("4294967294")).refusal(new PeerCredentials(77, -3, 0)));
  }

  @Test
  void theKernelTellsOneUserFromAnother(@TempDir Path directory, @TempDir Path classes)
      throws Exception {
    assumeTrue(Users.effectiveUser() == 0, "needs root");
    Files.setAttribute(directory, "unix:mode", 0755);
    Files.setAttribute(classes, "unix:mode", 0755);
    Path path = directory.resolve("control.sock");
    try (SocketProgram nobody = SocketProgram.asNobody(classes);
        ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(path));
      Files.setAttribute(path, "unix:mode", 0666);
      String connected = nobody.ask("connect " + path);
      try (SocketChannel accepted = server.accept()) {
        PeerCredentials peer = PeerCredentials.of(descriptorOf(accepted));
        assertEquals("connected " + peer.pid(), connected);
        assertEquals(SocketProgram.NOBODY, peer.uid());
        assertEquals(SocketProgram.NOBODY, peer.gid());
        assertFalse(ControlAccess.of(List.of()).allows(peer));
        assertTrue(ControlAccess.of(List.of("65534")).allows(peer));
      }
    }
  }

  /** Of the only connection to the path; its listener has the same name. */
  private static int descriptorOf(SocketChannel accepted) throws IOException {
    String path = accepted.getLocalAddress().toString();
    for (int fd : Descriptors.open()) {
      try {
        SocketFacts facts = SocketFacts.of(fd);
        if (path.equals(facts.unixPath()) && !facts.listening()) {
          return fd;
        }
      } catch (PosixException noSocket) {
        // Most numbers of a JVM are files.
      }
    }
    throw new AssertionError("no descriptor is connected to " + path);
  }
}
