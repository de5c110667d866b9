package io.goagain.impl.posix;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import org.junit.jupiter.api.Test;

class OwnSocketsTest {

  private static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();

  @Test
  void ownConnection() throws IOException {
    try (ServerSocket server = new ServerSocket(0, 1, LOOPBACK);
        Socket client = new Socket(LOOPBACK, server.getLocalPort());
        Socket accepted = server.accept()) {
      InetSocketAddress from = (InetSocketAddress) accepted.getRemoteSocketAddress();
      InetSocketAddress to = (InetSocketAddress) accepted.getLocalSocketAddress();
      assertTrue(OwnSockets.connects(from, to));
      assertTrue(client.isConnected());
      assertFalse(OwnSockets.connects(from, new InetSocketAddress(LOOPBACK, 1)));
    }
  }

  @Test
  void connectionOfAnotherProcess() throws Exception {
    try (ServerSocket server = new ServerSocket(0, 1, LOOPBACK)) {
      Process other =
          new ProcessBuilder(
                  List.of(
                      "bash",
                      "-c",
                      "exec 3<>/dev/tcp/127.0.0.1/" + server.getLocalPort() + "; read -u 3"))
              .start();
      try (Socket accepted = server.accept()) {
        assertFalse(
            OwnSockets.connects(
                (InetSocketAddress) accepted.getRemoteSocketAddress(),
                (InetSocketAddress) accepted.getLocalSocketAddress()));
      } finally {
        other.destroy();
      }
      other.waitFor();
    }
  }
}
