package io.goagain.impl.posix;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

@EnabledOnOs(OS.LINUX)
class PeerCredentialsTest {

  @Test
  void bothEndsOfAPairAreThisProcess() throws Exception {
    int gid = (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:gid");
    PeerCredentials own = new PeerCredentials(Processes.pid(), Users.effectiveUser(), gid);
    for (int fd : Descriptors.socketPair()) {
      assertEquals(own, PeerCredentials.of(fd));
      Descriptors.close(fd);
    }
  }

  @Test
  void whatIsNotConnectedHasNone() throws Exception {
    int unconnected = UnixSockets.open();
    int inet = TestLibC.socket(LibC.AF_INET, LibC.SOCK_STREAM, 0);
    int listening = Descriptors.listenUnix("\0goagain-peer-" + Processes.pid(), 1);
    for (int fd : List.of(unconnected, inet, listening)) {
      assertEquals(
          "getsockopt(" + fd + ", SO_PEERCRED): ENOTCONN (Transport endpoint is not connected)",
          assertThrows(PosixException.class, () -> PeerCredentials.of(fd)).getMessage());
      Descriptors.close(fd);
    }
  }

  @Test
  void whatIsNoSocketHasNone() throws Exception {
    int file = TestLibC.openForWriting("/dev/null");
    assertEquals(
        Errno.ENOTSOCK, assertThrows(PosixException.class, () -> PeerCredentials.of(file)).errno());
    Descriptors.close(file);
    assertEquals(
        Errno.EBADF,
        assertThrows(PosixException.class, () -> PeerCredentials.of(DescriptorsTest.NEVER_OPEN))
            .errno());
  }
}
