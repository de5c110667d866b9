package io.goagain.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.goagain.process.AppProcess;
import io.goagain.process.Systemd;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** Both directions, with a real systemd at the other end. */
@EnabledOnOs(OS.LINUX)
@Timeout(300)
class SystemdProtocolIT {

  private static final String OWN = "own: \u00fc";

  @Test
  void listenersOutliveACrash() throws Exception {
    String address = "goagain-" + UUID.randomUUID();
    try (Systemd systemd = Systemd.start()) {
      String first = systemd.directory().resolve("1.sock").toString();
      String second = systemd.directory().resolve("2.sock").toString();
      systemd.unit(
          "app.socket", "[Socket]\nListenStream=%s\nListenStream=%s\n".formatted(first, second));
      systemd.unit(
          "app.service",
          """
          [Service]
          Type=notify
          ExecStart="%s" -cp "%s" io.goagain.impl.SystemdProgram "%s" %s
          StandardError=append:%s/stderr
          FileDescriptorStoreMax=10
          WatchdogSec=20
          Restart=on-failure
          RestartSec=0
          """
              .formatted(
                  AppProcess.java(),
                  System.getProperty("java.class.path"),
                  OWN,
                  address,
                  systemd.directory()));

      systemd.systemctl("start app.socket app.service");
      String units = "app.socket on " + first + ", app.socket#2 on " + second;
      assertEquals("watchdog 20000, 2 passed, [" + units + "]", status(systemd));
      assertEquals("3", systemd.property("app.service", "NFileDescriptorStore"));
      String pid = systemd.property("app.service", "MainPID");

      systemd.systemctl("kill --kill-whom=main --signal=KILL app.service");
      systemd.awaitProperty("app.service", "MainPID", p -> !p.equals(pid) && !p.equals("0"));
      systemd.awaitProperty("app.service", "ActiveState", "active"::equals);
      // Those of the socket unit come twice, from there and from the store.
      assertEquals(
          "watchdog 20000, 5 passed, [" + units + ", " + OWN + " on @" + address + "]",
          status(systemd));
      assertEquals("3", systemd.property("app.service", "NFileDescriptorStore"));
      assertFalse(systemd.log().contains("FDNAME"), systemd::log);
    }
  }

  private static String status(Systemd systemd) {
    return systemd.property("app.service", "StatusText");
  }
}
