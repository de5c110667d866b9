package io.goagain.impl.posix;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.SortedMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

@EnabledOnOs(OS.LINUX)
class DescriptorsTest {

  /** Beyond any RLIMIT_NOFILE, so that no other thread can open it. */
  static final int NEVER_OPEN = Integer.MAX_VALUE;

  @Test
  void duplicateIsCloseOnExecAndAboveTheStandardStreams() throws Exception {
    int fd = Descriptors.duplicate(1);
    assertTrue(fd > 2);
    assertTrue(closeOnExec(fd));
    Descriptors.close(fd);
    assertFalse(Descriptors.isOpen(fd));
  }

  @Test
  void duplicateAboveTakesTheMinimumItself() throws Exception {
    int first = Descriptors.duplicateAbove(1, 200);
    int second = Descriptors.duplicateAbove(1, first);
    assertEquals(200, first);
    assertEquals(201, second);
    Descriptors.close(first);
    Descriptors.close(second);
  }

  @Test
  void failuresNameCallAndArguments() {
    assertEquals(
        "fcntl(2147483647, F_DUPFD_CLOEXEC, 3): EBADF (Bad file descriptor)",
        message(() -> Descriptors.duplicate(NEVER_OPEN)));
    assertEquals(
        "close(2147483647): EBADF (Bad file descriptor)",
        message(() -> Descriptors.close(NEVER_OPEN)));
    assertEquals(
        "fcntl(2147483647, F_GETFL): EBADF (Bad file descriptor)",
        message(() -> Descriptors.setNonBlocking(NEVER_OPEN)));
    assertEquals(
        "fcntl(2147483647, F_SETFD, FD_CLOEXEC): EBADF (Bad file descriptor)",
        message(() -> Descriptors.setCloseOnExec(NEVER_OPEN, true)));
    assertEquals(
        "getsockopt(2147483647, SO_PEERCRED): EBADF (Bad file descriptor)",
        message(() -> Descriptors.peerPid(NEVER_OPEN)));
    assertFalse(Descriptors.isOpen(NEVER_OPEN));
    assertEquals(
        Errno.EINVAL,
        assertThrows(PosixException.class, () -> Descriptors.duplicateAbove(1, NEVER_OPEN))
            .errno());
  }

  @Test
  void socketPairIsConnectedNonBlockingAndCloseOnExec() throws Exception {
    int[] pair = Descriptors.socketPair();
    for (int fd : pair) {
      assertTrue(closeOnExec(fd));
      assertTrue(nonBlocking(fd));
      assertEquals(Processes.pid(), Descriptors.peerPid(fd));
    }
    Descriptors.close(pair[0]);
    // The peer stays known after it is gone.
    assertEquals(Processes.pid(), Descriptors.peerPid(pair[1]));
    Descriptors.close(pair[1]);
  }

  @Test
  void closeOnExecCanBeCleared() throws Exception {
    int fd = Descriptors.duplicate(1);
    Descriptors.setCloseOnExec(fd, false);
    assertFalse(closeOnExec(fd));
    Descriptors.setCloseOnExec(fd, true);
    assertTrue(closeOnExec(fd));
    Descriptors.close(fd);
  }

  @Test
  void nonBlockingIsSharedByDuplicates() throws Exception {
    int[] pipe = TestLibC.pipe();
    int copy = Descriptors.duplicate(pipe[0]);
    assertFalse(nonBlocking(copy));
    Descriptors.setNonBlocking(pipe[0]);
    Descriptors.setNonBlocking(pipe[0]);
    assertTrue(nonBlocking(copy));
    for (int fd : List.of(pipe[0], pipe[1], copy)) {
      Descriptors.close(fd);
    }
  }

  @Test
  void openListsWhatIsOpenAndNotItself() throws Exception {
    SortedMap<Integer, String> before = OpenDescriptors.now();
    int[] pipe = TestLibC.pipe();
    List<Integer> during = Descriptors.open();
    assertTrue(during.containsAll(List.of(0, 1, 2, pipe[0], pipe[1])), during::toString);
    assertTrue(during.stream().allMatch(Descriptors::isOpen), during::toString);
    assertEquals(during.stream().sorted().toList(), during);
    Descriptors.close(pipe[0]);
    Descriptors.close(pipe[1]);
    assertEquals(before, OpenDescriptors.now());
  }

  @Test
  void peerPidOfWhatIsNoConnectedUnixSocket() throws Exception {
    int file = TestLibC.openForWriting("/dev/null");
    int unconnected = TestLibC.socket(LibC.AF_UNIX, LibC.SOCK_STREAM, 0);
    int inet = TestLibC.socket(LibC.AF_INET, LibC.SOCK_STREAM, 0);
    int listening = TestLibC.socket(LibC.AF_UNIX, LibC.SOCK_STREAM, 0);
    // Two bytes, the family alone: the kernel makes up an abstract name.
    TestLibC.ok(TestLibC.bind(listening, new byte[] {LibC.AF_UNIX, 0}, 2), "bind()");
    TestLibC.ok(TestLibC.listen(listening, 1), "listen()");
    for (int fd : List.of(file, unconnected, inet, listening)) {
      assertEquals(-1, Descriptors.peerPid(fd));
      Descriptors.close(fd);
    }
  }

  @Test
  void marksAllFromANumberUp() throws Exception {
    marks(Descriptors::markAllCloseOnExecFrom);
  }

  @Test
  void marksAllFromANumberUpWithoutCloseRange() throws Exception {
    marks(Descriptors::markEachCloseOnExecFrom);
  }

  private interface Marking {
    void from(int first) throws PosixException;
  }

  /** High numbers, as the JVM's own are in use by other threads. */
  private static void marks(Marking marking) throws PosixException {
    int below = Descriptors.duplicateAbove(1, 300);
    int first = Descriptors.duplicateAbove(1, below + 1);
    int last = Descriptors.duplicateAbove(1, 400);
    for (int fd : List.of(below, first, last)) {
      Descriptors.setCloseOnExec(fd, false);
    }
    marking.from(first);
    assertFalse(closeOnExec(below));
    assertTrue(closeOnExec(first));
    assertTrue(closeOnExec(last));
    for (int fd : List.of(below, first, last)) {
      Descriptors.close(fd);
    }
  }

  private static boolean closeOnExec(int fd) {
    int flags = LibC.fcntl(fd, LibC.F_GETFD, 0);
    assertNotEquals(-1, flags);
    return (flags & LibC.FD_CLOEXEC) != 0;
  }

  private static boolean nonBlocking(int fd) {
    return (LibC.fcntl(fd, LibC.F_GETFL, 0) & LibC.O_NONBLOCK) != 0;
  }

  private static String message(org.junit.jupiter.api.function.Executable call) {
    return assertThrows(PosixException.class, call).getMessage();
  }
}
