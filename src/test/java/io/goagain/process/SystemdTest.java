package io.goagain.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The kit, tried on shells. */
@Timeout(60)
class SystemdTest {

  private Systemd systemd;

  @BeforeEach
  void start() throws Exception {
    systemd = Systemd.start();
  }

  @AfterEach
  void close() {
    if (systemd != null) {
      systemd.close();
    }
  }

  @Test
  void commandsGiveTheirOutputAndExitCode() {
    assertEquals(new Systemd.Result(0, "a\n\nb"), systemd.run("echo a; echo; echo b >&2"));
    assertEquals(
        new Systemd.Result(3, "no line feed"), systemd.run("printf 'no line feed'; exit 3"));
    assertEquals(new Systemd.Result(0, ""), systemd.run("cat"));
    assertEquals(127, systemd.run("certainly-not-installed").code());
  }

  @Test
  void aUnitIsStartedKilledAndStopped() throws Exception {
    Path output = systemd.directory().resolve("output");
    systemd.unit(
        "app.service",
        """
        [Service]
        Type=notify
        NotifyAccess=all
        ExecStart=/bin/sh -c 'echo started; systemd-notify --ready --status=up; exec sleep 1000'
        StandardOutput=append:%s
        Restart=on-failure
        RestartSec=0
        """
            .formatted(output));
    systemd.systemctl("start app");
    assertEquals("up", systemd.property("app.service", "StatusText"));
    String first = systemd.property("app.service", "MainPID");
    systemd.systemctl("kill --signal=KILL app");
    String second =
        systemd.awaitProperty(
            "app.service", "MainPID", pid -> !pid.equals(first) && !pid.equals("0"));
    assertNotEquals(first, second);
    systemd.systemctl("stop app");
    assertEquals("inactive", systemd.property("app.service", "ActiveState"));
    assertEquals("started\nstarted\n", Files.readString(output));
    assertTrue(systemd.log().contains("app.service: Scheduled restart job"), systemd::log);
  }

  @Test
  void whatFailsSaysWhatSystemdHasLogged() throws Exception {
    systemd.unit("broken.service", "[Service]\nExecStart=/certainly/not/installed\nType=notify\n");
    AssertionError error =
        assertThrows(AssertionError.class, () -> systemd.systemctl("start broken"));
    assertTrue(error.getMessage().contains("/certainly/not/installed"), error::getMessage);
  }

  @Test
  void twoOfThemDoNotMeet() throws Exception {
    String unit = "[Service]\nExecStart=/bin/sleep 1000\n";
    try (Systemd other = Systemd.start()) {
      for (Systemd each : new Systemd[] {systemd, other}) {
        each.unit("app.service", unit);
        each.systemctl("start app");
      }
      other.systemctl("stop app");
      assertEquals("active", systemd.property("app.service", "ActiveState"));
    }
    assertEquals("active", systemd.property("app.service", "ActiveState"));
  }

  @Test
  void nothingIsLeftOfIt() throws Exception {
    systemd.unit("app.service", "[Service]\nExecStart=/bin/sleep 7654321\n");
    systemd.systemctl("start app");
    systemd.close();
    assertFalse(Files.exists(systemd.directory()));
    assertFalse(
        ProcessHandle.allProcesses()
            .anyMatch(p -> p.info().commandLine().orElse("").contains("7654321")));
    systemd = null;
  }
}
