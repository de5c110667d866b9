package io.goagain.impl.net;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.goagain.impl.posix.DatagramReceiver;
import io.goagain.impl.posix.Descriptors;
import io.goagain.impl.posix.DirectoryLock;
import io.goagain.impl.posix.Errno;
import io.goagain.impl.posix.OpenDescriptors;
import io.goagain.impl.posix.PosixException;
import io.goagain.impl.posix.SocketFacts;
import io.goagain.impl.posix.UnixSockets;
import io.goagain.impl.posix.Users;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@EnabledOnOs(OS.LINUX)
@Timeout(120)
class SecuredUnixSocketTest {

  private static final boolean ROOT = Users.effectiveUser() == 0;
  private static final int ROUNDS = 100;

  @TempDir private Path temporary;
  private Path directory;
  private Path file;

  @BeforeEach
  void makeDirectory() throws IOException {
    directory = directory("run", 0755);
    file = directory.resolve("control.sock");
  }

  @Test
  void theSocketListensAndIsNotHandedOn() throws Exception {
    int fd = listen(file).getAsInt();
    SocketFacts facts = SocketFacts.of(fd);
    assertTrue(facts.listening());
    assertEquals(SocketFacts.Type.STREAM, facts.type());
    assertEquals(file.toString(), facts.unixPath());
    String flags = Files.readAllLines(Path.of("/proc/self/fdinfo/" + fd)).get(1);
    assertEquals("flags:\t02004002", flags); // O_CLOEXEC, O_NONBLOCK, O_RDWR
    assertEquals(0600, modeOf(file));
    Descriptors.close(fd);
  }

  @ParameterizedTest
  @ValueSource(strings = {"000", "022", "077", "777"})
  void theModeIsNeverWiderAndInTheEndAsWanted(String umask) throws Exception {
    try (SocketProgram program = SocketProgram.withUmask(umask)) {
      assertEquals("listening 0600", program.ask("listen " + file + " 0600 -"));
      assertEquals("closed", program.ask("close"));
      assertEquals("listening 0660", program.ask("listen " + file + " 0660 -"));
      assertEquals("closed", program.ask("close"));
      Files.delete(file);
      String seen = program.ask("watch " + file + " 0600 300");
      assertTrue(seen.matches(umask.equals("777") ? "\\[(0000, )?0600]" : "\\[0600]"), seen);
      seen = program.ask("watch " + file + " 0666 300");
      assertTrue(seen.matches("\\[(0000, )?(0600, )?0666]"), seen);
    }
  }

  @Test
  void theGroupGetsTheSocket() throws Exception {
    int group = ROOT ? SocketProgram.NOBODY : (Integer) Files.getAttribute(directory, "unix:gid");
    int fd =
        SecuredUnixSocket.listenUnlessLive(file.toString(), 0660, Integer.toString(group), 1)
            .getAsInt();
    assertEquals(0660, modeOf(file));
    assertEquals(group, Files.getAttribute(file, "unix:gid", LinkOption.NOFOLLOW_LINKS));
    Descriptors.close(fd);
  }

  @Test
  void unknownGroupsAndModesAreRefusedBeforeAnything() {
    assertThrows(
        IllegalArgumentException.class,
        () -> SecuredUnixSocket.listenUnlessLive(file.toString(), 0660, "no-such-group", 1));
    assertThrows(
        IllegalArgumentException.class,
        () -> SecuredUnixSocket.listenUnlessLive(file.toString(), 01600, null, 1));
    assertFalse(Files.exists(file));
  }

  @Test
  void aStaleSocketIsReplaced() throws Exception {
    Descriptors.close(listen(file).getAsInt());
    Object stale = UnixPaths.identity(file.toString());
    // Keeps the inode's number from being given to the next.
    Files.createLink(directory.resolve("kept"), file);
    int fd = listen(file).getAsInt();
    assertFalse(stale.equals(UnixPaths.identity(file.toString())));
    Descriptors.close(fd);
  }

  @Test
  void aLiveSocketIsLeftAloneEvenWithItsBacklogFull() throws Exception {
    int fd = SecuredUnixSocket.listenUnlessLive(file.toString(), 0600, null, 0).getAsInt();
    Object live = UnixPaths.identity(file.toString());
    assertEquals(OptionalInt.empty(), listen(file));
    List<Integer> clients = new ArrayList<>();
    PosixException full =
        assertThrows(
            PosixException.class,
            () -> {
              while (clients.size() < 10) {
                clients.add(UnixSockets.open());
                UnixSockets.connect(clients.get(clients.size() - 1), file.toString());
              }
            });
    assertEquals(Errno.EAGAIN, full.errno());
    SortedMap<Integer, String> before = OpenDescriptors.now();
    assertEquals(OptionalInt.empty(), listen(file));
    assertEquals(before, OpenDescriptors.now());
    assertEquals(live, UnixPaths.identity(file.toString()));
    for (int client : clients) {
      Descriptors.close(client);
    }
    Descriptors.close(fd);
  }

  /** From the second round on, there is a stale one that both want to remove. */
  @Test
  void ofTwoThreadsOneGetsIt() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(2);
    CyclicBarrier start = new CyclicBarrier(2);
    Callable<OptionalInt> contender =
        () -> {
          start.await();
          return listen(file);
        };
    try {
      for (int i = 0; i < ROUNDS; i++) {
        List<Integer> got = new ArrayList<>();
        for (Future<OptionalInt> one : threads.invokeAll(Collections.nCopies(2, contender))) {
          one.get().ifPresent(got::add);
        }
        assertEquals(1, got.size(), "round " + i);
        assertEquals(OptionalInt.empty(), listen(file));
        Descriptors.close(got.get(0));
      }
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void ofTwoProcessesOneGetsIt() throws Exception {
    try (SocketProgram first = SocketProgram.withUmask("022");
        SocketProgram second = SocketProgram.withUmask("022")) {
      List<SocketProgram> both = List.of(first, second);
      for (int i = 0; i < ROUNDS; i++) {
        for (SocketProgram one : both) {
          one.order("listen " + file + " 0600 -");
        }
        List<String> answers = new ArrayList<>();
        for (SocketProgram one : both) {
          answers.add(one.answer());
        }
        Collections.sort(answers);
        assertEquals(List.of("listening 0600", "live"), answers, "round " + i);
        for (SocketProgram one : both) {
          assertEquals("closed", one.ask("close"));
        }
      }
    }
  }

  @Test
  void whoeverHoldsTheLockIsWaitedFor() throws Exception {
    SortedMap<Integer, String> before;
    DirectoryLock lock = DirectoryLock.acquire(directory.toString(), Duration.ZERO);
    try (lock) {
      before = OpenDescriptors.now();
      assertRefused(
          file, "the directory " + directory + " is still locked after 5000 ms: \"fuser -v");
      assertEquals(before, OpenDescriptors.now());
    }
    Descriptors.close(listen(file).getAsInt());
  }

  @Test
  void aSymbolicLinkIsNotFollowed() throws Exception {
    Path target = directory.resolve("target");
    int fd = listen(target).getAsInt();
    Files.createSymbolicLink(file, target);
    assertRefused(file, "there is a symbolic link at " + file + ", where a socket is wanted: ");
    Descriptors.close(fd);
    assertRefused(file, "there is a symbolic link at " + file);
    Files.delete(target);
    assertRefused(file, "there is a symbolic link at " + file);
    assertFalse(Files.exists(target));
    assertTrue(Files.isSymbolicLink(file));
  }

  @Test
  void whatIsNoSocketIsLeftAlone() throws Exception {
    Files.writeString(file, "precious");
    assertRefused(file, "there is something else at " + file + ", where a socket is wanted: ");
    assertEquals("precious", Files.readString(file));
    assertRefused(directory.resolve("."), "there is something else at ");
  }

  @Test
  void aDirectoryBehindALinkIsTheOneThatCounts() throws Exception {
    Path link = Files.createSymbolicLink(temporary.resolve("link"), directory);
    Descriptors.close(listen(link.resolve("control.sock")).getAsInt());
    assertEquals(0600, modeOf(file));
    Files.setAttribute(directory, "unix:mode", 0777);
    assertRefused(link.resolve("control.sock"), "the directory " + directory + " of the socket");
  }

  @ParameterizedTest
  @CsvSource({"0777", "0775", "0757", "2770", "0722"})
  void aDirectoryThatOthersCanWriteIsRefused(String mode) throws Exception {
    Path open = directory("open", Integer.parseInt(mode, 8));
    assertRefused(
        open.resolve("s"),
        ("the directory %s of the socket s, mode %s, owner uid %d, is not safe: others "
                + "can write it; chmod go-w it, or choose another one")
            .formatted(open, mode, Users.effectiveUser()));
  }

  @ParameterizedTest
  @CsvSource({"1777", "0700", "0750", "2755", "1770"})
  void aDirectoryWhereOthersCannotReplaceTheSocketIsTaken(String mode) throws Exception {
    Path safe = directory("safe", Integer.parseInt(mode, 8));
    Descriptors.close(listen(safe.resolve("s")).getAsInt());
  }

  @ParameterizedTest
  @CsvSource({"0755", "1777", "0700"})
  void aDirectoryOfAnotherUserIsRefused(String mode) throws Exception {
    assumeTrue(ROOT, "needs root");
    Path foreign = directory("foreign", Integer.parseInt(mode, 8));
    Files.setAttribute(foreign, "unix:uid", SocketProgram.NOBODY);
    assertRefused(
        foreign.resolve("s"),
        ("the directory %s of the socket s, mode %s, owner uid 65534, is not safe: it "
                + "must belong to root or to this process's user, uid 0; chown it, or choose another one")
            .formatted(foreign, mode));
  }

  @Test
  void whatAnotherUserMayAndMayNot(@TempDir Path classes) throws Exception {
    assumeTrue(ROOT, "needs root");
    Files.setAttribute(temporary, "unix:mode", 0755);
    Files.setAttribute(classes, "unix:mode", 0755);
    Path shared = directory("shared", 01777);
    int live = listen(shared.resolve("live")).getAsInt();
    Descriptors.close(
        SecuredUnixSocket.listenUnlessLive(shared.resolve("stale").toString(), 0666, null, 1)
            .getAsInt());
    try (SocketProgram nobody = SocketProgram.asNobody(classes)) {
      Path own = shared.resolve("own");
      assertEquals("listening 0600", nobody.ask("listen " + own + " 0600 -"));
      assertEquals(SocketProgram.NOBODY, Files.getAttribute(own, "unix:uid"));

      String answer = nobody.ask("listen " + shared.resolve("live") + " 0600 -");
      assertTrue(
          answer.startsWith(
              "0 left: there is a socket at "
                  + shared.resolve("live")
                  + " that this process's user, uid 65534, may not connect to: "),
          answer);

      answer = nobody.ask("listen " + shared.resolve("stale") + " 0600 -");
      assertTrue(answer.startsWith("0 left: nobody listens at " + shared.resolve("stale")), answer);

      answer = nobody.ask("listen " + file + " 0600 -");
      assertTrue(answer.startsWith("0 left: bind(" + file + "): EACCES"), answer);

      // The file is there already when the group is refused, and then it is not.
      answer = nobody.ask("listen " + shared.resolve("grouped") + " 0660 0");
      assertTrue(
          answer.startsWith(
              "0 left: the socket "
                  + shared.resolve("grouped")
                  + " cannot be given to the group 0, of which this process must be a member: "),
          answer);
      assertFalse(Files.exists(shared.resolve("grouped"), LinkOption.NOFOLLOW_LINKS));
    }
    assertTrue(Files.exists(shared.resolve("stale")));
    Descriptors.close(live);
  }

  @Test
  void aGroupThatIsRefusedLeavesNothing() {
    assumeTrue(!ROOT, "root may give files to every group");
    IOException refused =
        assertThrows(
            IOException.class,
            () -> SecuredUnixSocket.listenUnlessLive(file.toString(), 0660, "0", 1));
    assertTrue(refused.getMessage().contains("of which this process must be a member"));
    assertFalse(Files.exists(file));
  }

  @Test
  void aDatagramSocketIsNotTakenForAStaleOne() throws Exception {
    DatagramReceiver receiver = new DatagramReceiver(file.toString());
    try (receiver) {
      assertRefused(
          file,
          "cannot find out who listens at %s: connect(%s): EPROTOTYPE (".formatted(file, file));
    }
  }

  @Test
  void aPathThatIsTooLong() throws Exception {
    String fits = file + "x".repeat(107 - file.toString().length());
    Descriptors.close(listen(Path.of(fits)).getAsInt());
    assertRefused(
        Path.of(fits + "x"),
        ("the path of the socket %sx has 108 bytes, and 107 is what the kernel takes: "
                + "choose a shorter one")
            .formatted(fits));
  }

  @ParameterizedTest
  @ValueSource(strings = {"control.sock", "run/control.sock", "", "/", "@control"})
  void aPathThatIsNotAbsolute(String path) {
    assertEquals(
        "the path of the socket \"" + path + "\" must be absolute, as in /run/app/control.sock",
        assertThrows(
                IOException.class, () -> SecuredUnixSocket.listenUnlessLive(path, 0600, null, 1))
            .getMessage());
  }

  @Test
  void aPathWithNul() {
    assertEquals(
        "the path of the socket /run/a\\0b has a NUL in it",
        assertThrows(
                IOException.class,
                () -> SecuredUnixSocket.listenUnlessLive("/run/a\0b", 0600, null, 1))
            .getMessage());
  }

  @Test
  void aDirectoryThatDoesNotExist() throws Exception {
    Path missing = directory.resolve("missing");
    assertRefused(
        missing.resolve("s"),
        ("the directory %s of the socket s does not exist: create it, or let systemd do "
                + "so with RuntimeDirectory=")
            .formatted(missing));
    assertRefused(
        Files.createFile(missing).resolve("s"),
        "the directory %s of the socket s cannot be locked: open(%s): ENOTDIR"
            .formatted(missing, missing));
  }

  private Path directory(String name, int mode) throws IOException {
    Path made = Files.createDirectory(temporary.toRealPath().resolve(name));
    Files.setAttribute(made, "unix:mode", mode);
    return made;
  }

  private static OptionalInt listen(Path path) throws IOException {
    return SecuredUnixSocket.listenUnlessLive(path.toString(), 0600, null, 16);
  }

  /** With nothing left behind. */
  private static void assertRefused(Path path, String sentence) throws IOException {
    Object there = UnixPaths.identity(path.toString());
    SortedMap<Integer, String> before = OpenDescriptors.now();
    String message = assertThrows(IOException.class, () -> listen(path)).getMessage();
    assertTrue(message.startsWith(sentence), message);
    assertEquals(before, OpenDescriptors.now());
    assertEquals(there, UnixPaths.identity(path.toString()));
  }

  private static int modeOf(Path path) throws IOException {
    return (Integer) Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS) & 07777;
  }
}
