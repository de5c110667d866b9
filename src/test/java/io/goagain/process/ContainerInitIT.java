package io.goagain.process;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.goagain.process.Supervised.Phase;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * As process 1, as in a container: everything ends with it, it is given all orphans, and signals
 * that it does not handle have no effect. Signals come from outside, as from Docker.
 */
@Timeout(300)
class ContainerInitIT {

  private static final String[] NAMESPACE = {
    "unshare", "--fork", "--pid", "--mount-proc", "--kill-child"
  };

  @BeforeAll
  static void findNamespaces() throws Exception {
    Supervised.assumeInstalled("util-linux", "unshare", "nsenter");
    String[] command = Arrays.copyOf(NAMESPACE, NAMESPACE.length + 1);
    command[NAMESPACE.length] = "true";
    Process tried = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(tried.getInputStream().readAllBytes(), UTF_8);
    assumeTrue(tried.waitFor() == 0, () -> "no pid namespace, which needs root: " + said);
  }

  @Test
  void thePidStays() throws Exception {
    try (Supervised container = start()) {
      assertEquals(1, container.app().status().getInteger("pid"));
      container.restartUnderLoad(container.app().load(), Restarts.COUNT, () -> {});
      container.stopDrains();
      awaitEnd(container);
    }
  }

  @ParameterizedTest
  @EnumSource(Phase.class)
  void aStopDuringARestart(Phase phase) throws Exception {
    try (Supervised container = start()) {
      container.stopDrains(phase);
      awaitEnd(container);
    }
  }

  @Test
  void orphansAreReaped() throws Exception {
    try (Supervised container = start();
        Gate gate = Gate.in(container.app())) {
      for (int image = 1; image <= 2; image++) {
        // The shell ends, and what it has started stays.
        String inside =
            Supervised.run(
                "nsenter",
                "--target=" + container.pid(),
                "--pid",
                "--mount",
                "sh",
                "-c",
                "(" + gate.await() + ") > /dev/null 2>&1 & echo $!");
        Set<Long> orphans = Supervised.children(container.pid());
        assertEquals(1, orphans.size(), orphans::toString);
        Path orphan = Path.of("/proc", orphans.iterator().next().toString());
        assertTrue(
            Files.readString(orphan.resolve("status")).contains("\t" + inside + "\n"), inside);
        gate.open();
        container.app().await("the orphan is reaped", () -> Files.notExists(orphan));
        if (image == 1) {
          container.restartUnderLoad(container.app().load(), 1, () -> {});
        }
      }
    }
  }

  private static Supervised start() throws Exception {
    Supervised[] container = new Supervised[1];
    container[0] =
        Supervised.start(
            SingleApp.starter().wrapper(NAMESPACE),
            "this is process 1",
            new Supervised.Control() {
              @Override
              public void restart() throws Exception {
                signal(container[0], "USR2");
              }

              @Override
              public void stop() throws Exception {
                signal(container[0], "TERM");
              }
            });
    return container[0];
  }

  private static void signal(Supervised container, String name) throws Exception {
    container.app().process().signal(container.pid(), name);
  }

  private static void awaitEnd(Supervised container) throws Exception {
    assertEquals(0, container.app().process().exitCode());
    container.assertNobodyBut();
  }
}
