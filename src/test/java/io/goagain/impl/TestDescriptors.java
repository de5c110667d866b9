package io.goagain.impl;

import io.goagain.impl.posix.Descriptors;
import io.goagain.impl.posix.PosixException;
import io.goagain.impl.posix.SocketFacts;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.DatagramChannel;
import java.nio.channels.NetworkChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;

/** What the JDK does not tell of this process's descriptors, and the kernel does. */
final class TestDescriptors {

  // asm-generic/fcntl.h
  static final int O_NONBLOCK = 04000;
  static final int O_CLOEXEC = 02000000;

  private TestDescriptors() {}

  /** The number of a socket. A listener has its port in common with what it has accepted. */
  static int descriptorOf(NetworkChannel socket) throws IOException {
    int port = ((InetSocketAddress) socket.getLocalAddress()).getPort();
    for (int fd : Descriptors.open()) {
      try {
        SocketFacts facts = SocketFacts.of(fd);
        if (facts.inet() != null
            && facts.inet().getPort() == port
            && facts.listening() == socket instanceof ServerSocketChannel
            && (facts.type() == SocketFacts.Type.DATAGRAM) == socket instanceof DatagramChannel) {
          return fd;
        }
      } catch (PosixException noSocket) {
        // Most numbers of a JVM are files.
      }
    }
    throw new AssertionError("no descriptor is bound to " + socket);
  }

  /** The number of the only open file in the directory. */
  static int descriptorOf(Path directory) throws IOException {
    for (int fd : Descriptors.open()) {
      Path link = Path.of("/proc/self/fd/" + fd);
      if (Files.exists(link) && Files.readSymbolicLink(link).startsWith(directory.toRealPath())) {
        return fd;
      }
    }
    throw new AssertionError("nothing is open in " + directory);
  }

  /** proc(5): /proc/self/fdinfo. */
  static int flags(int fd) throws IOException {
    return Files.readAllLines(Path.of("/proc/self/fdinfo/" + fd)).stream()
        .filter(line -> line.startsWith("flags:"))
        .map(line -> Integer.parseInt(line.substring(6).trim(), 8))
        .findFirst()
        .orElseThrow();
  }
}
