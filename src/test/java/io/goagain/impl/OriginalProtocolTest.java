package io.goagain.impl;

import static io.goagain.impl.TestDescriptors.O_CLOEXEC;
import static io.goagain.impl.TestDescriptors.O_NONBLOCK;
import static io.goagain.impl.TestDescriptors.descriptorOf;
import static io.goagain.impl.TestDescriptors.flags;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.impl.Inheritance.Handed;
import io.goagain.impl.net.InheritedListener;
import io.goagain.impl.net.ListenerAddress;
import io.goagain.impl.posix.Descriptors;
import io.goagain.impl.posix.Processes;
import io.netty.channel.unix.DomainSocketAddress;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The listener here is one of this process, which is its own child, so to speak. */
@EnabledOnOs(OS.LINUX)
class OriginalProtocolTest {

  private static final int OWN = Processes.pid();
  private static final int PARENT = Processes.parentPid();

  private ServerSocketChannel server;
  private String listening;

  @BeforeEach
  void open() throws IOException {
    server =
        ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    listening = Integer.toString(descriptorOf(server));
  }

  @AfterEach
  void close() throws IOException {
    server.close();
  }

  // What is read.

  @Test
  void withoutTheDescriptorThereIsNothing() {
    Map<String, String> environment = fromParent();
    environment.remove("GOAGAIN_FD");
    assertSame(OriginalProtocol.NONE, read(environment));
    assertSame(OriginalProtocol.NONE, read(Map.of()));
    assertFalse(OriginalProtocol.NONE.hasPeer());
    assertFalse(OriginalProtocol.NONE.nextImage());
  }

  @Test
  void whatTheParentLeftIsTaken() throws Exception {
    OriginalProtocol original = read(fromParent());
    assertTrue(original.hasPeer());
    assertFalse(original.nextImage());
    assertEquals(PARENT, original.peer());
    assertEquals(Processes.USR2, original.signal());
    assertEquals(1, original.listeners().size());
    InheritedListener listener = original.listeners().get(0);
    assertEquals("tcp:127.0.0.1:80->", listener.name());
    assertEquals(Integer.parseInt(listening), listener.descriptor());
    assertEquals(server.getLocalAddress(), listener.address().toSocketAddress());
  }

  @Test
  void theListenerIsMadeOurs() throws Exception {
    int number = Integer.parseInt(listening);
    Descriptors.setCloseOnExec(number, false);
    assertTrue(read(fromParent()).hasPeer());
    assertEquals(O_NONBLOCK | O_CLOEXEC, flags(number) & (O_NONBLOCK | O_CLOEXEC));
  }

  @Test
  void theNameIsOfNoImportance() {
    Map<String, String> environment = fromParent();
    environment.remove("GOAGAIN_NAME");
    assertEquals("goagain", read(environment).listeners().get(0).name());
  }

  /** In Go each number is read with Sscan, which skips white space. */
  @Test
  void whiteSpaceIsSkipped() {
    Map<String, String> environment = fromParent();
    environment.replaceAll((name, value) -> " " + value + "\n");
    OriginalProtocol original = read(environment);
    assertEquals(PARENT, original.peer());
    assertEquals(Processes.USR2, original.signal());
  }

  @ParameterizedTest
  @NullSource
  @ValueSource(strings = {"", "nonsense", "0", "-1", "99999999999"})
  void withoutASignalItIsQuit(String signal) {
    Map<String, String> environment = fromParent();
    put(environment, "GOAGAIN_SIGNAL", signal);
    assertEquals(Processes.QUIT, read(environment).signal());
  }

  @ParameterizedTest
  @NullSource
  @ValueSource(strings = {"", "nonsense", "0", "-1", "99999999999"})
  void aParentIsNotToldWhatItsChildIs(String child) {
    Map<String, String> environment = fromParent();
    put(environment, "GOAGAIN_PID", child);
    assertEquals(PARENT, read(environment).peer());
    assertFalse(read(environment).nextImage());
  }

  // Of an image that was executed.

  @Test
  void aChildOfOursMakesThisTheNextImage() throws Exception {
    Process child = child();
    try {
      Map<String, String> environment = fromParent();
      environment.put("GOAGAIN_PID", Long.toString(child.pid()));
      environment.put("GOAGAIN_PPID", Integer.toString(OWN));
      OriginalProtocol original = read(environment);
      assertTrue(original.nextImage());
      assertEquals(child.pid(), original.peer());
      assertEquals(Processes.USR2, original.signal());
    } finally {
      end(child);
    }
  }

  /** SIGQUIT does not end a JVM. */
  @ParameterizedTest
  @CsvSource({"3,15", "'',15", "15,15", "2,2"})
  void aChildThatIsToldToQuitIsTerminated(String signal, int sent) throws Exception {
    Process child = child();
    try {
      Map<String, String> environment = fromParent();
      environment.put("GOAGAIN_PID", Long.toString(child.pid()));
      environment.put("GOAGAIN_SIGNAL", signal);
      assertEquals(sent, read(environment).signal());
    } finally {
      end(child);
    }
  }

  @Test
  void aChildThatIsGoneIsNobody() throws Exception {
    Process child = child();
    end(child);
    Map<String, String> environment = fromParent();
    environment.put("GOAGAIN_PID", Long.toString(child.pid()));
    environment.put("GOAGAIN_PPID", Integer.toString(OWN));
    assertSame(OriginalProtocol.NONE, read(environment));
  }

  @Test
  void aProcessThatIsNoChildOfOursIsNobody() {
    Map<String, String> environment = fromParent();
    environment.put("GOAGAIN_PID", "1");
    environment.put("GOAGAIN_PPID", Integer.toString(OWN));
    assertSame(OriginalProtocol.NONE, read(environment));
  }

  // What was meant for another process.

  @ParameterizedTest
  @NullSource
  @ValueSource(strings = {"", "nonsense", "0", "-1", "99999999999"})
  void aParentThatIsNoProcessIsNobody(String parent) throws Exception {
    Map<String, String> environment = fromParent();
    put(environment, "GOAGAIN_PPID", parent);
    assertIgnored(environment);
    // Where the kernel shows no parent: the process that made this one is of another namespace.
    assertSame(OriginalProtocol.NONE, OriginalProtocol.fromEnvironment(environment, OWN, 0));
  }

  @Test
  void variablesOfAnotherParentAreStale() throws Exception {
    Map<String, String> environment = fromParent();
    environment.put("GOAGAIN_PPID", Integer.toString(OWN));
    assertIgnored(environment);
    assertSame(
        OriginalProtocol.NONE, OriginalProtocol.fromEnvironment(fromParent(), OWN, PARENT + 1L));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "nonsense", "-1", "3.0", "0x3", "2147483647", "99999999999"})
  void aDescriptorThatIsNoneIsIgnored(String number) throws Exception {
    Map<String, String> environment = fromParent();
    environment.put("GOAGAIN_FD", number);
    assertIgnored(environment);
  }

  @Test
  void aDescriptorThatIsClosedOrAConnectionOrAFileIsIgnored() throws Exception {
    int closed = Descriptors.duplicate(Integer.parseInt(listening));
    Descriptors.close(closed);
    Map<String, String> environment = fromParent();
    environment.put("GOAGAIN_FD", Integer.toString(closed));
    assertIgnored(environment);
    try (SocketChannel connection = SocketChannel.open(server.getLocalAddress())) {
      environment.put("GOAGAIN_FD", Integer.toString(descriptorOf(connection)));
      assertIgnored(environment);
      assertTrue(connection.isConnected());
    }
    int file = Descriptors.memoryFile("no socket");
    environment.put("GOAGAIN_FD", Integer.toString(file));
    assertIgnored(environment);
    Descriptors.close(file);
  }

  private void assertIgnored(Map<String, String> environment) throws IOException {
    int number = Integer.parseInt(listening);
    Descriptors.setCloseOnExec(number, false);
    int before = flags(number);
    OriginalProtocol original = read(environment);
    assertSame(OriginalProtocol.NONE, original);
    assertEquals(before, flags(number), "left alone");
    original.tellPeer();
  }

  // What is said.

  @Test
  void aPeerThatIsGoneIsNoFailure() throws Exception {
    Process child = child();
    end(child);
    new OriginalProtocol(
            OriginalProtocol.NONE.listeners(), (int) child.pid(), Processes.TERM, false)
        .tellPeer();
  }

  @Test
  void thePeerIsToldBySignal() throws Exception {
    Process child = child();
    new OriginalProtocol(
            OriginalProtocol.NONE.listeners(), (int) child.pid(), Processes.TERM, false)
        .tellPeer();
    assertEquals(128 + Processes.TERM, child.waitFor());
  }

  @Test
  void theVariablesForASuccessor() {
    ListenerAddress address =
        ListenerAddress.of(new InetSocketAddress(InetAddress.getLoopbackAddress(), 8080));
    Map<String, String> variables = OriginalProtocol.forSpawn(address, 4711);
    int signal = Processes.signalNumber(OriginalProtocol.SUCCESSOR_ACCEPTS);
    assertEquals(
        Map.of(
            "GOAGAIN_FD",
            "3",
            "GOAGAIN_NAME",
            "tcp:127.0.0.1:8080->",
            // Set and empty, in place of one that it would inherit.
            "GOAGAIN_PID",
            "",
            "GOAGAIN_PPID",
            "4711",
            "GOAGAIN_SIGNAL",
            Integer.toString(signal)),
        variables);
    assertTrue(signal > 0 && signal != Processes.QUIT && signal != Processes.USR2);
  }

  @Test
  void theNamesAreThoseOfGo() throws Exception {
    InetAddress six = InetAddress.getAllByName("::1")[0];
    assertEquals(
        "tcp:[0:0:0:0:0:0:0:1]:80->",
        name(ListenerAddress.of(new InetSocketAddress(six, 80))),
        "the number is what counts: the name is for people");
    assertEquals("unix:/run/x->", name(ListenerAddress.of(new DomainSocketAddress("/run/x"))));
    assertEquals("unix:@x->", name(ListenerAddress.of(new DomainSocketAddress("\0x"))));
  }

  private static String name(ListenerAddress address) {
    return OriginalProtocol.forSpawn(address, 1).get("GOAGAIN_NAME");
  }

  @Test
  void theVariablesForTheNextImage() throws Exception {
    Map<String, String> variables =
        OriginalProtocol.forExec(
            new Handed("public", Integer.parseInt(listening), false), 4711, 4712);
    int port = ((InetSocketAddress) server.getLocalAddress()).getPort();
    assertEquals(
        Map.of(
            "GOAGAIN_FD",
            listening,
            "GOAGAIN_NAME",
            "tcp:127.0.0.1:" + port + "->",
            "GOAGAIN_PID",
            "4712",
            "GOAGAIN_PPID",
            "4711",
            "GOAGAIN_SIGNAL",
            "3"),
        variables);
  }

  /**
   * Both directions: what a predecessor of this kind says, a successor of this kind understands.
   */
  @Test
  void oneUnderstandsTheOther() throws Exception {
    ListenerAddress address = ListenerAddress.of(server.getLocalAddress());
    Map<String, String> spawned = new HashMap<>(OriginalProtocol.forSpawn(address, PARENT));
    spawned.put("GOAGAIN_FD", listening);
    OriginalProtocol successor = read(spawned);
    assertEquals(PARENT, successor.peer());
    assertEquals(Processes.signalNumber(OriginalProtocol.SUCCESSOR_ACCEPTS), successor.signal());
    Process child = child();
    try {
      OriginalProtocol image =
          read(
              OriginalProtocol.forExec(
                  new Handed("public", Integer.parseInt(listening), false),
                  OWN,
                  (int) child.pid()));
      assertTrue(image.nextImage());
      assertEquals(child.pid(), image.peer());
    } finally {
      end(child);
    }
  }

  private Map<String, String> fromParent() {
    return new HashMap<>(
        Map.of(
            "GOAGAIN_FD",
            listening,
            "GOAGAIN_NAME",
            "tcp:127.0.0.1:80->",
            "GOAGAIN_PID",
            "",
            "GOAGAIN_PPID",
            Integer.toString(PARENT),
            "GOAGAIN_SIGNAL",
            "12"));
  }

  private static OriginalProtocol read(Map<String, String> environment) {
    return OriginalProtocol.fromEnvironment(environment, OWN, PARENT);
  }

  private static void put(Map<String, String> environment, String name, String value) {
    environment.remove(name);
    if (value != null) {
      environment.put(name, value);
    }
  }

  /** One that waits to be killed. */
  private static Process child() throws IOException {
    return new ProcessBuilder("cat").start();
  }

  private static void end(Process child) throws InterruptedException {
    int unused = child.destroyForcibly().waitFor();
  }
}
