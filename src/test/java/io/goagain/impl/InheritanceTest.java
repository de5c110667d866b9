package io.goagain.impl;

import static io.goagain.impl.TestDescriptors.O_CLOEXEC;
import static io.goagain.impl.TestDescriptors.O_NONBLOCK;
import static io.goagain.impl.TestDescriptors.descriptorOf;
import static io.goagain.impl.TestDescriptors.flags;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.impl.Inheritance.Asked;
import io.goagain.impl.Inheritance.Handed;
import io.goagain.impl.Inheritance.Role;
import io.goagain.impl.net.InheritedListener;
import io.goagain.impl.posix.Descriptors;
import io.goagain.impl.posix.Processes;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.DatagramChannel;
import java.nio.channels.FileChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The socket pair here is made by this process, so this process is its own predecessor. */
@EnabledOnOs(OS.LINUX)
class InheritanceTest {

  private static final long OWN = Processes.pid();

  private static final int NEVER_OPEN = Integer.MAX_VALUE;

  private static final InetSocketAddress ANY_PORT =
      new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);

  private int[] channel;
  private int[] descriptors;
  private ServerSocketChannel server;
  private int listening;

  @BeforeEach
  void open() throws IOException {
    channel = Descriptors.socketPair();
    descriptors = Descriptors.socketPair();
    server = ServerSocketChannel.open().bind(ANY_PORT);
    listening = descriptorOf(server);
  }

  @AfterEach
  void close() throws IOException {
    server.close();
    for (int fd : new int[] {channel[0], channel[1], descriptors[0], descriptors[1]}) {
      Descriptors.close(fd);
    }
  }

  @Test
  void withoutTheVariableThereIsNone() {
    assertSame(Inheritance.NONE, Inheritance.fromEnvironment(Map.of("GOAGAIN_PPID", "1"), OWN));
    assertFalse(Inheritance.NONE.hasPredecessor());
    assertEquals(1, Inheritance.NONE.generation());
  }

  @Test
  void whatAPredecessorLeftIsTaken() throws Exception {
    Inheritance inheritance = read(handover(listening));
    assertTrue(inheritance.hasPredecessor());
    assertEquals(2, inheritance.generation());
    assertEquals(Processes.pid(), inheritance.predecessorPid());
    assertEquals(channel[0], inheritance.messages());
    assertEquals(descriptors[0], inheritance.descriptors());
    InheritedListener listener = inheritance.listeners().get(0);
    assertEquals(1, inheritance.listeners().size());
    assertEquals("public", listener.name());
    assertEquals(listening, listener.descriptor());
    assertEquals(server.getLocalAddress(), listener.address().toSocketAddress());
  }

  @Test
  void whatIsTakenIsCloseOnExecAndDoesNotBlock() throws Exception {
    Descriptors.setCloseOnExec(channel[0], false);
    Descriptors.setCloseOnExec(descriptors[0], false);
    Descriptors.setCloseOnExec(listening, false);
    assertEquals(0, flags(listening) & (O_NONBLOCK | O_CLOEXEC), "a supervisor may leave it so");
    assertEquals(1, read(handover(listening)).listeners().size());
    assertEquals(O_NONBLOCK | O_CLOEXEC, flags(listening) & (O_NONBLOCK | O_CLOEXEC));
    assertEquals(O_NONBLOCK | O_CLOEXEC, flags(channel[0]) & (O_NONBLOCK | O_CLOEXEC));
    assertEquals(O_NONBLOCK | O_CLOEXEC, flags(descriptors[0]) & (O_NONBLOCK | O_CLOEXEC));
  }

  @Test
  void thereMayBeNoListeners() {
    assertEquals(
        List.of(), read(handover(listening).put("listeners", new JsonArray())).listeners());
    assertEquals(List.of(), read(without(handover(listening), "listeners")).listeners());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "{", "[]", "null", "17", "nonsense", "{\"generation\":2", "{} {}", "\u0000"})
  void whatIsNoJsonObjectIsIgnored(String handover) {
    assertSame(
        Inheritance.NONE, Inheritance.fromEnvironment(Map.of("GOAGAIN_HANDOVER", handover), OWN));
  }

  @ParameterizedTest
  @ValueSource(strings = {"generation", "predecessor", "role", "messages", "descriptors"})
  void aHandoverThatLacksAFieldIsIgnored(String field) {
    assertSame(Inheritance.NONE, read(without(handover(listening), field)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"generation", "predecessor", "role", "messages", "descriptors", "listeners"})
  void aHandoverWithAFieldOfTheWrongTypeIsIgnored(String field) {
    assertSame(Inheritance.NONE, read(handover(listening).put(field, "text")));
    assertSame(Inheritance.NONE, read(handover(listening).put(field, true)));
  }

  @Test
  void whatWasMeantForAnotherProcessIsIgnoredAndLeftAlone() throws Exception {
    Descriptors.setCloseOnExec(channel[0], false);
    Descriptors.setCloseOnExec(listening, false);
    for (long other : new long[] {Processes.parentPid(), 1, 0, -1, Processes.pid() + (1L << 32)}) {
      assertSame(Inheritance.NONE, read(handover(listening).put("predecessor", other)));
    }
    assertEquals(0, flags(channel[0]) & O_CLOEXEC);
    assertEquals(0, flags(listening) & (O_CLOEXEC | O_NONBLOCK));
  }

  @Test
  void aChannelThatIsNotConnectedToAnyoneIsIgnored(@TempDir Path directory) throws Exception {
    try (FileChannel file = file(directory)) {
      for (int number : new int[] {NEVER_OPEN, -1, listening, descriptorOf(directory)}) {
        assertSame(Inheritance.NONE, read(handover(listening).put("messages", number)));
        // What the kernel does not know must not pass for what the variable does not know either.
        assertSame(
            Inheritance.NONE,
            read(handover(listening).put("messages", number).put("predecessor", -1)));
      }
      assertTrue(file.isOpen());
    }
  }

  @Test
  void aNumberBeyondAllNumbersIsNotTakenForAnotherOne() {
    JsonObject messages = handover(listening).put("messages", channel[0] + (1L << 32));
    assertSame(Inheritance.NONE, read(messages));
    assertListenerIsIgnored(handover(listening + (1L << 32)));
  }

  @Test
  void aListenerThatIsClosedOrNegativeIsIgnored() {
    assertListenerIsIgnored(handover(NEVER_OPEN));
    assertListenerIsIgnored(handover(-1));
  }

  @Test
  void aListenerThatIsAFileIsIgnored(@TempDir Path directory) throws Exception {
    try (FileChannel file = file(directory)) {
      int number = descriptorOf(directory);
      int before = flags(number);
      assertListenerIsIgnored(handover(number));
      assertEquals(before, flags(number));
      assertTrue(file.isOpen());
    }
  }

  @Test
  void aListenerThatIsAConnectionIsIgnored() throws Exception {
    try (SocketChannel connection = SocketChannel.open(server.getLocalAddress())) {
      int number = descriptorOf(connection);
      int before = flags(number);
      assertListenerIsIgnored(handover(number));
      assertListenerIsIgnored(handover(channel[1]));
      assertEquals(before, flags(number));
    }
  }

  @Test
  void aListenerThatIsADatagramSocketIsIgnored() throws Exception {
    try (DatagramChannel datagrams = DatagramChannel.open().bind(ANY_PORT)) {
      assertListenerIsIgnored(handover(descriptorOf(datagrams)));
    }
  }

  @Test
  void oneBadListenerDoesNotCostTheOthers() {
    JsonObject handover = handover(NEVER_OPEN);
    handover
        .getJsonArray("listeners")
        .add(new JsonObject().put("name", "good").put("fd", listening));
    List<InheritedListener> listeners = read(handover).listeners();
    assertEquals(List.of("good"), listeners.stream().map(InheritedListener::name).toList());
  }

  @Test
  void aListenerWithoutANameOrANumberIsNotTaken() {
    for (UnaryOperator<JsonObject> spoiled :
        List.<UnaryOperator<JsonObject>>of(
            listener -> without(listener, "name"), listener -> without(listener, "fd"))) {
      JsonObject handover = handover(listening);
      JsonObject listener = handover.getJsonArray("listeners").getJsonObject(0);
      handover.put("listeners", new JsonArray().add(spoiled.apply(listener)));
      assertEquals(List.of(), read(handover).listeners());
    }
  }

  @Test
  void theVariablesForASuccessorNumberItsDescriptorsFromThree() {
    Map<String, String> variables =
        Inheritance.forSpawn(
            7, 4711, Role.STAND_IN, List.of(new Handed("a", 50, false), new Handed("b", 60, true)));
    assertEquals("4711", variables.get("GOAGAIN_PPID"));
    // It need not ask ldconfig again.
    assertEquals(
        System.getProperty("jna.platform.library.path"), variables.get("GOAGAIN_LIBRARY_PATH"));
    JsonObject handover = new JsonObject(variables.get("GOAGAIN_HANDOVER"));
    assertEquals(7, handover.getInteger("generation"));
    assertEquals(4711, handover.getInteger("predecessor"));
    assertEquals(5, handover.getInteger("messages"));
    assertEquals(6, handover.getInteger("descriptors"));
    assertEquals(
        new JsonArray(
            "[{\"fd\":3,\"name\":\"a\",\"foreign\":false},"
                + "{\"fd\":4,\"name\":\"b\",\"foreign\":true}]"),
        handover.getJsonArray("listeners"));
  }

  @Test
  void theVariablesForTheNextImageKeepTheNumbers() {
    Map<String, String> variables =
        Inheritance.forExec(
            9,
            4712,
            4711,
            Set.of(Asked.STOP),
            List.of(new Handed("a", 17, false)),
            List.of(channel[0], 21));
    JsonObject handover = new JsonObject(variables.get("GOAGAIN_HANDOVER"));
    assertEquals(4712, handover.getInteger("predecessor"));
    assertEquals(21, handover.getInteger("descriptors"));
    assertEquals(
        new JsonArray("[{\"fd\":17,\"name\":\"a\",\"foreign\":false}]"),
        handover.getJsonArray("listeners"));
    Inheritance image = read(handover);
    assertTrue(image.isNextImage());
    assertEquals(9, image.generation());
    assertEquals(4711, image.child());
    assertEquals(Set.of(Asked.STOP), image.asked());
  }

  @Test
  void whatAnotherProcessMadeIsNoNextImage() {
    JsonObject image = handover(listening).put("role", "NEXT_IMAGE").put("child", 1);
    assertTrue(read(image.copy().put("predecessor", 1)).isNextImage());
    assertSame(
        Inheritance.NONE,
        Inheritance.fromEnvironment(Map.of("GOAGAIN_HANDOVER", image.encode()), OWN + 1));
  }

  private void assertListenerIsIgnored(JsonObject handover) {
    Inheritance inheritance = read(handover);
    assertTrue(inheritance.hasPredecessor(), "the predecessor waits for an answer");
    assertEquals(List.of(), inheritance.listeners());
  }

  private JsonObject handover(long listener) {
    return new JsonObject()
        .put("generation", 2)
        .put("predecessor", Processes.pid())
        .put("role", "SUCCESSOR")
        .put("messages", channel[0])
        .put("descriptors", descriptors[0])
        .put(
            "listeners",
            new JsonArray().add(new JsonObject().put("name", "public").put("fd", listener)));
  }

  private static JsonObject without(JsonObject json, String field) {
    JsonObject copy = json.copy();
    copy.remove(field);
    return copy;
  }

  private static Inheritance read(JsonObject handover) {
    return Inheritance.fromEnvironment(Map.of("GOAGAIN_HANDOVER", handover.encode()), OWN);
  }

  private static FileChannel file(Path directory) throws IOException {
    return FileChannel.open(
        directory.resolve("file"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
  }
}
