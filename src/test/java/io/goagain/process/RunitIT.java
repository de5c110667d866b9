package io.goagain.process;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.load.Load;
import io.goagain.process.Supervised.Phase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Under runsv(8), by the script in conf/runit. */
@Timeout(300)
class RunitIT {

  /** TAI64N, at the beginning of the status that sv(8) reads: since when it runs. */
  private static final int TIMESTAMP = 12;

  @TempDir private Path directory;

  @BeforeAll
  static void findRunit() {
    Supervised.assumeInstalled("runit", "runsv", "sv");
  }

  @Test
  void thePidStays() throws Exception {
    try (Supervised service = start()) {
      final String since = since();
      service.restartUnderLoad(
          service.app().load(Load.usual(service.app().address("public"))),
          Restarts.rounds(5, 20),
          () -> {
            assertTrue(
                status().startsWith("run: %s: (pid %d) ".formatted(directory, service.pid())),
                this::status);
            assertEquals(since, since());
          });
      assertEquals(0, service.app().count("finish: "));
      service.stopDrains();
      awaitDown(service);
    }
  }

  @ParameterizedTest
  @EnumSource(Phase.class)
  void aStopDuringARestart(Phase phase) throws Exception {
    try (Supervised service = start()) {
      service.stopDrains(phase);
      awaitDown(service);
    }
  }

  private Supervised start() throws Exception {
    return Supervised.start(
        SingleApp.starter().supervisor(this::service),
        "the parent is runsv",
        new Supervised.Control() {
          @Override
          public void restart() throws Exception {
            sv("2");
          }

          @Override
          public void stop() throws Exception {
            // Does not wait.
            sv("down");
          }
        });
  }

  private List<String> service(List<String> command) throws IOException {
    Map<String, String> changes =
        Map.of(
            "/srv/app",
            directory.toString(),
            "java -jar current/app.jar",
            Supervised.quoted(command));
    script("run", Supervised.conf("runit/run", changes));
    script("finish", "#!/bin/sh\necho \"finish: exit code $1, signal $2\"\n");
    return new ArrayList<>(List.of("runsv", directory.toString()));
  }

  private void script(String name, String text) throws IOException {
    Path script = directory.resolve(name);
    Files.writeString(script, text, UTF_8);
    assertTrue(script.toFile().setExecutable(true));
  }

  /** It ended well, once, and nobody is left. */
  private void awaitDown(Supervised service) throws Exception {
    assertTrue(sv("-w", "60", "stop").startsWith("ok: down: "), this::status);
    assertTrue(status().startsWith("down: " + directory), this::status);
    service.assertNobodyBut(service.app().process().pid());
    assertEquals("exit code 0, signal 0", service.app().log("^finish: (.*)").group(1));
    assertEquals(1, service.app().count("finish: "));
    assertEquals(1, service.app().count("ready generation=1 "));
    sv("exit");
    assertEquals(0, service.app().process().exitCode());
  }

  private String since() throws IOException {
    byte[] status = Files.readAllBytes(directory.resolve("supervise/status"));
    return HexFormat.of().formatHex(Arrays.copyOf(status, TIMESTAMP));
  }

  private String status() {
    try {
      return sv("status");
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private String sv(String... words) throws Exception {
    List<String> command = new ArrayList<>(List.of("sv"));
    command.addAll(List.of(words));
    command.add(directory.toString());
    return Supervised.run(command.toArray(String[]::new));
  }
}
