package io.goagain.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.process.Supervised.Phase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Under supervisord, by the program in conf/supervisor. */
@Timeout(300)
class SupervisordIT {

  private static final Pattern RUNNING =
      Pattern.compile("app +RUNNING +pid (\\d+), uptime (\\d+):(\\d+):(\\d+)");

  @TempDir private Path directory;
  private int stopWaitSeconds = 45;
  private Process stopping;

  @BeforeAll
  static void findSupervisor() {
    Supervised.assumeInstalled("supervisor", "supervisord", "supervisorctl");
  }

  @Test
  void thePidStays() throws Exception {
    try (Supervised service = start()) {
      service.app().log("success: app entered RUNNING state");
      int[] uptime = {0};
      service.restartUnderLoad(
          service.app().load(),
          Restarts.rounds(5, 20),
          () -> {
            Matcher status = RUNNING.matcher(supervisorctl("status", "app"));
            assertTrue(status.matches(), status::toString);
            assertEquals(service.pid(), Long.parseLong(status.group(1)));
            int now = 0;
            for (int i = 2; i <= 4; i++) {
              now = 60 * now + Integer.parseInt(status.group(i));
            }
            assertTrue(now >= uptime[0], status::toString);
            uptime[0] = now;
          });
      service.stopDrains();
      awaitStopped(service);
    }
  }

  @ParameterizedTest
  @EnumSource(Phase.class)
  void aStopDuringARestart(Phase phase) throws Exception {
    try (Supervised service = start()) {
      service.stopDrains(phase);
      awaitStopped(service);
    }
  }

  @Test
  void aProcessThatHasToBeKilledTakesItsStandInAlong() throws Exception {
    stopWaitSeconds = 1;
    try (Supervised service = start();
        Gate gate = Gate.in(service.app())) {
      assertEquals(200, service.restart(Phase.NEXT_IMAGE_BOOTS, gate).join().status());
      assertEquals("app: stopped", supervisorctl("stop", "app"));
      service.app().log("stopped: app \\(terminated by SIGKILL\\)");
      service.app().await("the stand-in is gone", () -> service.app().processes().size() == 1);
    }
  }

  private Supervised start() throws Exception {
    Supervised[] service = new Supervised[1];
    service[0] =
        Supervised.start(
            SingleApp.starter().supervisor(this::service),
            "the parent is supervisord",
            new Supervised.Control() {
              @Override
              public void restart() throws Exception {
                supervisorctl("signal", "USR2", "app");
              }

              @Override
              public void stop() throws Exception {
                // Waits for the end, which the test brings about later.
                stopping = new ProcessBuilder(command("stop", "app")).start();
                service[0].app().log("waiting for app to stop");
              }
            });
    return service[0];
  }

  private List<String> service(List<String> command) throws IOException {
    String program =
        Supervised.conf(
            "supervisor/goagain.conf",
            Map.of(
                "/srv/app",
                directory.toString(),
                "stopwaitsecs=45",
                "stopwaitsecs=" + stopWaitSeconds,
                "java -jar current/app.jar",
                // It replaces %(name)s.
                Supervised.quoted(command).replace("%", "%%")));
    Files.writeString(
        configuration(),
        """
        [supervisord]
        nodaemon=true
        user=root
        logfile=/dev/null
        logfile_maxbytes=0
        pidfile=%1$s/supervisord.pid
        childlogdir=%1$s
        [unix_http_server]
        file=%1$s/sock
        [rpcinterface:supervisor]
        supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
        [supervisorctl]
        serverurl=unix://%1$s/sock
        %2$s
        stdout_logfile=/dev/stdout
        stdout_logfile_maxbytes=0
        """
            .formatted(directory, program));
    return new ArrayList<>(List.of("supervisord", "-c", configuration().toString()));
  }

  private Path configuration() {
    return directory.resolve("supervisord.conf");
  }

  /** It ended well, once, and nobody is left. */
  private void awaitStopped(Supervised service) throws Exception {
    SingleApp app = service.app();
    assertEquals("app: stopped", Supervised.output(stopping, 0));
    assertEquals("(exit status 0)", app.log("stopped: app (.*)").group(1));
    service.assertNobodyBut(app.process().pid());
    Process status = new ProcessBuilder(command("status", "app")).start();
    // 3 is LSB's code for "not running".
    assertTrue(Supervised.output(status, 3).matches("app +STOPPED .*"));
    assertEquals(1, app.count("spawned: 'app'"));
    assertEquals(0, app.count("exited: app"));
    supervisorctl("shutdown");
    assertEquals(0, app.process().exitCode());
  }

  private String supervisorctl(String... words) throws Exception {
    return Supervised.run(command(words));
  }

  private String[] command(String... words) {
    List<String> command =
        new ArrayList<>(List.of("supervisorctl", "-c", configuration().toString()));
    command.addAll(List.of(words));
    return command.toArray(String[]::new);
  }
}
