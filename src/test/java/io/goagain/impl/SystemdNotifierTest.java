package io.goagain.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.impl.posix.DatagramReceiver;
import io.goagain.impl.posix.Descriptors;
import io.goagain.impl.posix.MonotonicClock;
import io.goagain.impl.posix.SocketFacts;
import java.nio.file.Path;
import java.text.MessageFormat;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@EnabledOnOs(OS.LINUX)
class SystemdNotifierTest {

  private static final long PID = ProcessHandle.current().pid();

  @TempDir Path directory;
  private final Warnings warnings = new Warnings();
  private DatagramReceiver systemd;
  private SystemdNotifier notifier;

  @BeforeEach
  void listen() throws Exception {
    String path = directory.resolve("notify").toString();
    systemd = new DatagramReceiver(path);
    notifier = SystemdNotifier.fromEnvironment(Map.of("NOTIFY_SOCKET", path), PID);
    Logger.getLogger(SystemdNotifier.class.getName()).addHandler(warnings);
  }

  @AfterEach
  void close() throws Exception {
    Logger.getLogger(SystemdNotifier.class.getName()).removeHandler(warnings);
    systemd.close();
  }

  @Test
  void eachMethodIsOneDatagram() throws Exception {
    notifier.ready("generation 1 serves");
    assertEquals("READY=1\nSTATUS=generation 1 serves", received());
    notifier.ready(null);
    assertEquals("READY=1", received());
    notifier.status("drains");
    assertEquals("STATUS=drains", received());
    notifier.mainPid(4711);
    assertEquals("MAINPID=4711", received());
    notifier.stopping();
    assertEquals("STOPPING=1", received());
    notifier.extendTimeout(1_500);
    assertEquals("EXTEND_TIMEOUT_USEC=1500000", received());
    notifier.watchdog();
    assertEquals("WATCHDOG=1", received());
    notifier.remove("127.0.0.1:8080");
    assertEquals("FDSTOREREMOVE=1\nFDNAME=goagain/127.0.0.1%3A8080", received());
    assertTrue(systemd.isEmpty(0));
    assertEquals(List.of(), warnings.messages);
  }

  @Test
  void aReloadSaysWhenItBegan() throws Exception {
    long before = MonotonicClock.micros();
    notifier.reloading();
    String[] lines = received().split("\n", -1);
    assertEquals(2, lines.length);
    assertEquals("RELOADING=1", lines[0]);
    assertTrue(lines[1].startsWith("MONOTONIC_USEC="), lines[1]);
    long at = Long.parseLong(lines[1].substring("MONOTONIC_USEC=".length()));
    assertTrue(before <= at && at <= MonotonicClock.micros(), () -> before + " " + at);
  }

  @Test
  void aListenerIsStoredUnderItsName() throws Exception {
    int[] pair = Descriptors.socketPair();
    notifier.store("[::]:8080#2", pair[0]);
    DatagramReceiver.Message message = systemd.receive();
    assertEquals("FDSTORE=1\nFDPOLL=0\nFDNAME=goagain/[%3A%3A]%3A8080#2", message.text());
    assertEquals(1, message.descriptors().size());
    int stored = message.descriptors().get(0);
    assertEquals(SocketFacts.cookie(pair[0]), SocketFacts.cookie(stored));
    for (int fd : List.of(pair[0], pair[1], stored)) {
      Descriptors.close(fd);
    }
  }

  @Test
  void aStatusIsOneShortLine() throws Exception {
    notifier.status("a\nREADY=1\r\n\0b");
    assertEquals("STATUS=a READY=1 b", received());
    notifier.status("\u00fc".repeat(5_000));
    assertEquals("STATUS=" + "\u00fc".repeat(1_000), received());
  }

  @Test
  void theSocketMayHaveAnAbstractName() throws Exception {
    String name = "goagain-" + UUID.randomUUID();
    try (DatagramReceiver other = new DatagramReceiver("\0" + name)) {
      SystemdNotifier.fromEnvironment(Map.of("NOTIFY_SOCKET", "@" + name), PID).ready(null);
      assertEquals("READY=1", other.receive().text());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "vsock:2:1234", "relative", "-"})
  void withoutAUnixSocketNothingHappens(String socket) {
    Map<String, String> environment = new HashMap<>(Map.of("WATCHDOG_USEC", "1000000"));
    if (!socket.equals("-")) {
      environment.put("NOTIFY_SOCKET", socket);
    }
    SystemdNotifier nobody = SystemdNotifier.fromEnvironment(environment, PID);
    useAll(nobody);
    assertEquals(0, nobody.watchdogMillis());
    assertEquals(
        socket.length() > 1 ? 1 : 0, warnings.messages.size(), warnings.messages::toString);
  }

  @Test
  void aFailureIsLoggedOnceAndNotThrown() {
    String gone = directory.resolve("gone").toString();
    useAll(SystemdNotifier.fromEnvironment(Map.of("NOTIFY_SOCKET", gone), PID));
    assertEquals(1, warnings.messages.size(), warnings.messages::toString);
    assertTrue(
        warnings.messages.get(0).contains("READY=1: sendmsg(" + gone + "): ENOENT"),
        warnings.messages::toString);
  }

  @ParameterizedTest
  @CsvSource({
    "10000000, own,   10000",
    "10000000, unset, 10000",
    "10000000, other, 0",
    "1999,     own,   1",
    "0,        own,   0",
    "-5000,    own,   0",
    "x,        own,   0",
    "unset,    own,   0"
  })
  void theWatchdogIsMeantForOneProcessOrForAll(String micros, String pid, long millis) {
    Map<String, String> environment = new HashMap<>(Map.of("NOTIFY_SOCKET", "/run/notify"));
    if (!micros.equals("unset")) {
      environment.put("WATCHDOG_USEC", micros);
    }
    if (!pid.equals("unset")) {
      environment.put("WATCHDOG_PID", Long.toString(pid.equals("own") ? PID : PID + 1));
    }
    assertEquals(millis, SystemdNotifier.fromEnvironment(environment, PID).watchdogMillis());
  }

  private static void useAll(SystemdNotifier notifier) {
    notifier.ready("x");
    notifier.status("x");
    notifier.reloading();
    notifier.mainPid(1);
    notifier.stopping();
    notifier.extendTimeout(Long.MAX_VALUE);
    notifier.watchdog();
    notifier.store("x", 1);
    notifier.remove("x");
  }

  private String received() throws Exception {
    DatagramReceiver.Message message = systemd.receive();
    assertEquals(List.of(), message.descriptors());
    return message.text();
  }

  private static final class Warnings extends Handler {
    final List<String> messages = new ArrayList<>();

    @Override
    public void publish(LogRecord record) {
      if (record.getLevel().intValue() >= Level.WARNING.intValue()) {
        messages.add(MessageFormat.format(record.getMessage(), record.getParameters()));
      }
    }

    @Override
    public void flush() {}

    @Override
    public void close() {}
  }
}
