package io.goagain.impl;

import static io.goagain.impl.TestDescriptors.O_CLOEXEC;
import static io.goagain.impl.TestDescriptors.O_NONBLOCK;
import static io.goagain.impl.TestDescriptors.descriptorOf;
import static io.goagain.impl.TestDescriptors.flags;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.impl.net.InheritedListener;
import io.goagain.impl.posix.Descriptors;
import io.goagain.impl.posix.SocketFacts;
import java.io.IOException;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The descriptors are passed from 500 up: from 3 up, this JVM has its own. */
@EnabledOnOs(OS.LINUX)
class SocketActivationTest {

  private static final long PID = ProcessHandle.current().pid();
  private static final int FIRST = 500;

  @TempDir Path directory;
  private final List<Integer> passed = new ArrayList<>();

  @AfterEach
  void close() throws IOException {
    for (int fd : passed) {
      if (Descriptors.isOpen(fd)) {
        Descriptors.close(fd);
      }
    }
  }

  @Test
  void withoutTheVariablesThereAreNone() throws Exception {
    pass(unix("a"));
    assertEquals(List.of(), SocketActivation.fromEnvironment(Map.of(), PID, FIRST));
    assertEquals(
        List.of(), SocketActivation.fromEnvironment(Map.of("LISTEN_FDS", "1"), PID, FIRST));
    assertEquals(
        List.of(),
        SocketActivation.fromEnvironment(Map.of("LISTEN_PID", Long.toString(PID)), PID, FIRST));
  }

  @Test
  void listenersAreTakenInOrderWithTheirNames() throws Exception {
    pass(unix("b"));
    pass(unix("a"));
    List<InheritedListener> listeners = activate("second:first");
    assertEquals(List.of("second", "first"), names(listeners));
    assertEquals(passed, listeners.stream().map(InheritedListener::descriptor).toList());
    assertEquals(
        List.of(path("b"), path("a")),
        listeners.stream().map(l -> l.address().toString()).toList());
  }

  @Test
  void theFileOfAUnixSocketIsNotOurs() throws Exception {
    pass(unix("a"));
    assertNull(activate("a").get(0).file());
  }

  /** systemd clears O_NONBLOCK before each start, unless the service says NonBlocking=. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whetherTheyBlockOrNotTheyDoNotAfterwardsAndAreClosedOnExec(boolean blocking)
      throws Exception {
    if (blocking) {
      try (ServerSocketChannel server = ServerSocketChannel.open().bind(null)) {
        pass(Descriptors.duplicate(descriptorOf(server)));
      }
    } else {
      pass(unix("a"));
    }
    assertEquals(blocking ? 0 : O_NONBLOCK, flags(FIRST) & (O_NONBLOCK | O_CLOEXEC));
    assertEquals(1, activate("a").size());
    assertEquals(O_NONBLOCK | O_CLOEXEC, flags(FIRST) & (O_NONBLOCK | O_CLOEXEC));
  }

  @ParameterizedTest
  @ValueSource(strings = {"unknown", "stored", "connection", ""})
  void whatNobodyHasNamedIsCalledByItsAddress(String name) throws Exception {
    pass(unix("a"));
    pass(unix("b"));
    assertEquals(List.of(path("a"), path("b")), names(activate(name + ":" + name)));
  }

  @Test
  void withoutNamesTheyAreCalledByTheirAddresses() throws Exception {
    pass(unix("a"));
    pass(unix("b"));
    assertEquals(List.of(path("a"), path("b")), names(activate(null)));
    assertEquals(List.of(path("a"), path("b")), names(activate("only-one")));
    assertEquals(List.of(path("a"), path("b")), names(activate("one:two:three")));
  }

  @Test
  void theSocketsOfOneUnitAreToldApart() throws Exception {
    pass(unix("a"));
    pass(unix("b"));
    pass(unix("c"));
    assertEquals(
        List.of("app.socket", "app.socket#2", "app.socket#3"),
        names(activate("app.socket:app.socket:app.socket")));
  }

  @Test
  void namesThatWereStoredComeBack() throws Exception {
    pass(unix("a"));
    pass(unix("b"));
    assertEquals(
        List.of("127.0.0.1:8080", "[::]:0#2"),
        names(activate(FdName.encode("127.0.0.1:8080") + ":" + FdName.encode("[::]:0#2"))));
  }

  @Test
  void whatDoesNotListenIsLeftAlone() throws Exception {
    int[] pair = Descriptors.socketPair();
    pass(pair[0]);
    pass(unix("a"));
    pass(Descriptors.memoryFile("state"));
    List<InheritedListener> listeners = activate("connection:a:state");
    assertEquals(List.of("a"), names(listeners));
    assertEquals(FIRST + 1, listeners.get(0).descriptor());
    for (int fd : new int[] {FIRST, FIRST + 2}) {
      assertTrue(Descriptors.isOpen(fd));
      assertEquals(0, flags(fd) & O_CLOEXEC);
    }
    Descriptors.close(pair[1]);
  }

  @Test
  void aStoredDuplicateIsClosedAndTheFirstIsKept() throws Exception {
    pass(unix("a"));
    pass(unix("b"));
    pass(Descriptors.duplicate(FIRST));
    pass(Descriptors.duplicate(FIRST + 1));
    pass(Descriptors.duplicate(FIRST));
    long a = SocketFacts.cookie(FIRST);
    List<InheritedListener> listeners = activate("app.socket:app.socket:a:b:a");
    assertEquals(List.of("app.socket", "app.socket#2"), names(listeners));
    assertEquals(a, SocketFacts.cookie(FIRST));
    assertTrue(Descriptors.isOpen(FIRST + 1));
    for (int fd = FIRST + 2; fd < FIRST + 5; fd++) {
      assertFalse(Descriptors.isOpen(fd));
    }
  }

  @Test
  void whatWasMeantForAnotherProcessIsLeftAlone() throws Exception {
    pass(unix("a"));
    Map<String, String> environment = environment("a");
    for (String pid : List.of(Long.toString(PID + 1), "1", "0", "-1", "", "x", " " + PID)) {
      environment.put("LISTEN_PID", pid);
      assertEquals(List.of(), SocketActivation.fromEnvironment(environment, PID, FIRST));
    }
    assertEquals(0, flags(FIRST) & O_CLOEXEC);
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "-1, 0", "x, 0", "'', 0", "4294967297, 0", "2147483647, 1"})
  void aCountThatCannotBeIsNotTrusted(String count, int taken) throws Exception {
    pass(unix("a"));
    Map<String, String> environment = environment(null);
    environment.put("LISTEN_FDS", count);
    assertEquals(taken, SocketActivation.fromEnvironment(environment, PID, FIRST).size());
  }

  private List<InheritedListener> activate(String names) {
    return SocketActivation.fromEnvironment(environment(names), PID, FIRST);
  }

  private Map<String, String> environment(String names) {
    Map<String, String> environment = new HashMap<>();
    environment.put("LISTEN_PID", Long.toString(PID));
    environment.put("LISTEN_FDS", Integer.toString(passed.size()));
    if (names != null) {
      environment.put("LISTEN_FDNAMES", names);
    }
    return environment;
  }

  private static List<String> names(List<InheritedListener> listeners) {
    return listeners.stream().map(InheritedListener::name).toList();
  }

  private String path(String name) {
    return directory.resolve(name).toString();
  }

  private int unix(String name) throws IOException {
    return Descriptors.listenUnix(path(name), 1);
  }

  /** Moves it to the next number, without close-on-exec, as a supervisor passes it. */
  private void pass(int fd) throws IOException {
    int number = Descriptors.duplicateAbove(fd, FIRST + passed.size());
    assertEquals(FIRST + passed.size(), number);
    Descriptors.setCloseOnExec(number, false);
    if (!passed.contains(fd)) {
      Descriptors.close(fd);
    }
    passed.add(number);
  }
}
