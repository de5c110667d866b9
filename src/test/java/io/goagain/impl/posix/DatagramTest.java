package io.goagain.impl.posix;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

@EnabledOnOs(OS.LINUX)
class DatagramTest {

  @TempDir Path directory;
  private String path;

  @BeforeEach
  void nameSocket() {
    path = directory.resolve("notify").toString();
  }

  @Test
  void oneSendIsOneMessage() throws Exception {
    try (DatagramReceiver receiver = new DatagramReceiver(path)) {
      Datagram.send(path, "READY=1\nSTATUS=\u00fc".getBytes(UTF_8), List.of());
      Datagram.send(path, "b".getBytes(UTF_8), List.of());
      assertEquals(
          new DatagramReceiver.Message("READY=1\nSTATUS=\u00fc", List.of()), receiver.receive());
      assertEquals("b", receiver.receive().text());
      assertTrue(receiver.isEmpty(0));
    }
  }

  @Test
  void anAtSignMakesAnAbstractName() throws Exception {
    String name = "goagain-" + UUID.randomUUID();
    try (DatagramReceiver receiver = new DatagramReceiver("\0" + name)) {
      Datagram.send("@" + name, "x".getBytes(UTF_8), List.of());
      assertEquals("x", receiver.receive().text());
    }
  }

  @Test
  void descriptorsArriveInOrderAsDuplicates() throws Exception {
    int[] pair = Descriptors.socketPair();
    int[] pipe = TestLibC.pipe();
    List<Integer> sent = List.of(pair[0], pipe[1], pair[1]);
    SortedMap<Integer, String> before = OpenDescriptors.now();
    try (DatagramReceiver receiver = new DatagramReceiver(path)) {
      Datagram.send(path, "FDSTORE=1".getBytes(UTF_8), sent);
      DatagramReceiver.Message message = receiver.receive();
      assertEquals("FDSTORE=1", message.text());
      List<Integer> received = message.descriptors();
      assertEquals(3, received.size());
      assertEquals(SocketFacts.cookie(pair[0]), SocketFacts.cookie(received.get(0)));
      assertEquals(SocketFacts.cookie(pair[1]), SocketFacts.cookie(received.get(2)));
      assertThrows(PosixException.class, () -> SocketFacts.cookie(received.get(1)));
      for (int fd : received) {
        assertFalse(sent.contains(fd));
        Descriptors.close(fd);
      }
    }
    assertEquals(before, OpenDescriptors.now());
    for (int fd : List.of(pair[0], pair[1], pipe[0], pipe[1])) {
      Descriptors.close(fd);
    }
  }

  @Test
  void failuresNameTheReceiver() throws Exception {
    assertEquals(
        "sendmsg(" + path + "): ENOENT (No such file or directory)",
        failure(path, List.of()).getMessage());
    new DatagramReceiver(path).close();
    assertEquals(Errno.ECONNREFUSED, failure(path, List.of()).errno());
    String tooLong = "/" + "x".repeat(107);
    assertEquals(Errno.ENAMETOOLONG, failure(tooLong, List.of()).errno());
    assertEquals(Errno.ENAMETOOLONG, failure("", List.of()).errno());
  }

  @Test
  void aFailureLeavesNothingOpen() throws Exception {
    SortedMap<Integer, String> before = OpenDescriptors.now();
    try (DatagramReceiver receiver = new DatagramReceiver(path)) {
      assertEquals(Errno.EBADF, failure(path, List.of(DescriptorsTest.NEVER_OPEN)).errno());
      assertEquals(Errno.EINVAL, failure(path, Collections.nCopies(254, 1)).errno());
      assertTrue(receiver.isEmpty(0));
    }
    assertEquals(before, OpenDescriptors.now());
  }

  /** A stopped receiver must not stop whoever tells it something. */
  @Test
  void aFullQueueIsNotWaitedForForEver() throws Exception {
    try (DatagramReceiver receiver = new DatagramReceiver(path)) {
      PosixException failure =
          assertThrows(
              PosixException.class,
              () -> {
                for (int i = 0; i < 100_000; i++) {
                  Datagram.send(path, new byte[1], List.of());
                }
              });
      assertEquals(Errno.EAGAIN, failure.errno());
      assertEquals("\0", receiver.receive().text());
    }
  }

  private static PosixException failure(String path, List<Integer> descriptors) {
    return assertThrows(PosixException.class, () -> Datagram.send(path, new byte[1], descriptors));
  }
}
