package io.goagain.impl.posix;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** Tells whose sockets TCP connections over the loopback interface come from: procfs(5). */
public final class OwnSockets {

  private static final int LOCAL = 1;
  private static final int REMOTE = 2;
  private static final int INODE = 9;

  private OwnSockets() {}

  /**
   * Whether this process holds the socket that is connected from one IPv4 address to the other, as
   * the kernel tells in {@code /proc/net/tcp} and {@code /proc/self/fd}. Takes as long as there are
   * connections on this machine.
   *
   * @throws IOException if procfs does not tell
   */
  public static boolean connects(InetSocketAddress from, InetSocketAddress to) throws IOException {
    // An IPv6 socket has an IPv4 address as its end: the last of four words.
    String local = hex(from);
    String remote = hex(to);
    for (String table : List.of("/proc/net/tcp", "/proc/net/tcp6")) {
      Path file = Path.of(table);
      if (!Files.exists(file)) {
        continue; // without IPv6
      }
      try (Stream<String> lines = Files.lines(file)) {
        String inode =
            lines
                .map(line -> line.trim().split(" +"))
                .filter(c -> c[LOCAL].endsWith(local) && c[REMOTE].endsWith(remote))
                .map(columns -> columns[INODE])
                .findFirst()
                .orElse(null);
        if (inode != null) {
          return isOpen("socket:[" + inode + "]");
        }
      }
    }
    return false;
  }

  private static String hex(InetSocketAddress address) {
    int word =
        ByteBuffer.wrap(address.getAddress().getAddress()).order(ByteOrder.nativeOrder()).getInt();
    return String.format(Locale.ROOT, "%08X:%04X", word, address.getPort());
  }

  private static boolean isOpen(String link) throws IOException {
    try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
      for (Path descriptor : descriptors) {
        try {
          if (Files.readSymbolicLink(descriptor).toString().equals(link)) {
            return true;
          }
        } catch (IOException e) {
          // Closed since.
        }
      }
    }
    return false;
  }
}
