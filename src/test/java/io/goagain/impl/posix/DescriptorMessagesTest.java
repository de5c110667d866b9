package io.goagain.impl.posix;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.jna.Memory;
import java.io.IOException;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Also lends {@link #sendTogether}, which nobody of ours does. */
public class DescriptorMessagesTest {

  private SortedMap<Integer, String> before;
  private int[] pair;
  private DescriptorMessages one;
  private DescriptorMessages other;

  @BeforeEach
  void open() throws IOException {
    one = new DescriptorMessages(-1); // loads what is loaded once
    before = OpenDescriptors.now();
    pair = Descriptors.socketPair();
    one = new DescriptorMessages(pair[0]);
    other = new DescriptorMessages(pair[1]);
  }

  @AfterEach
  void nothingIsLeftOpen() throws IOException {
    for (int socket : pair) {
      if (Descriptors.isOpen(socket)) {
        Descriptors.close(socket);
      }
    }
    assertEquals(before, OpenDescriptors.now());
  }

  /** Several in one message, with one byte. */
  public static void sendTogether(int socket, List<Integer> descriptors) throws IOException {
    try (Memory message = new Memory(2048)) {
      message.clear();
      message.setPointer(16, message.share(56));
      message.setLong(24, 1);
      message.setPointer(32, message.share(80));
      message.setLong(40, 16 + (descriptors.size() * 4L + 7) / 8 * 8);
      message.setPointer(56, message.share(72));
      message.setLong(64, 1);
      message.setLong(80, 16 + descriptors.size() * 4L);
      message.setInt(88, LibC.SOL_SOCKET);
      message.setInt(92, LibC.SCM_RIGHTS);
      for (int i = 0; i < descriptors.size(); i++) {
        message.setInt(96 + i * 4L, descriptors.get(i));
      }
      if (LibC.sendmsg(socket, message, LibC.MSG_NOSIGNAL) == -1) {
        throw LibC.failed("sendmsg");
      }
    }
  }

  @Test
  void aDescriptorComesAsADuplicate() throws IOException {
    int[] sent = Descriptors.socketPair();
    assertTrue(one.send(sent[0]));
    DescriptorMessages.Received received = other.receive();
    assertFalse(received.end());
    int got = received.descriptors().get(0);
    assertEquals(1, LibC.fcntl(got, LibC.F_GETFD, 0), "close-on-exec");
    Descriptors.close(sent[0]);
    assertTrue(new DescriptorMessages(got).send(sent[1]), "it is connected to the other one");
    Descriptors.close(got);
    Descriptors.close(sent[1]);
  }

  @Test
  void nothingIsThereYet() throws IOException {
    assertNull(other.receive());
  }

  @Test
  void theEndIsTold() throws IOException {
    Descriptors.close(pair[0]);
    assertEquals(new DescriptorMessages.Received(true, List.of()), other.receive());
  }

  @Test
  void severalOfAMessageAreAllReceived() throws IOException {
    for (int count : new int[] {2, 3, 253}) {
      sendTogether(pair[0], Collections.nCopies(count, pair[0]));
      List<Integer> received = other.receive().descriptors();
      assertEquals(count, received.size());
      for (int descriptor : received) {
        Descriptors.close(descriptor);
      }
    }
  }

  @Test
  void whereThereIsNoRoomThatIsTold() throws IOException {
    int sent = 0;
    while (one.send(pair[0])) {
      sent++;
    }
    assertTrue(sent > 100, "" + sent);
    for (int i = 0; i < sent; i++) {
      Descriptors.close(other.receive().descriptors().get(0));
    }
    assertTrue(one.send(pair[0]));
    Descriptors.close(other.receive().descriptors().get(0));
  }

  @Test
  void errorsNameTheCall() throws IOException {
    PosixException closed =
        assertThrows(PosixException.class, () -> new DescriptorMessages(-1).receive());
    assertEquals(Errno.EBADF, closed.errno());
    Descriptors.close(pair[1]);
    PosixException gone = assertThrows(PosixException.class, () -> one.send(0));
    assertEquals(Errno.EPIPE, gone.errno());
    assertTrue(gone.getMessage().startsWith("sendmsg(" + pair[0] + ", SCM_RIGHTS): EPIPE"));
  }
}
