package io.goagain.impl.posix;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

@EnabledOnOs(OS.LINUX)
class MonotonicClockTest {

  @Test
  void itDoesNotGoBack() {
    long before = MonotonicClock.micros();
    long after = MonotonicClock.micros();
    assertTrue(before <= after, before + " " + after);
  }

  /** proc(5): /proc/uptime, which counts the time asleep as well. */
  @Test
  void itCountsSinceTheMachineWasBooted() throws Exception {
    long before = MonotonicClock.micros();
    double uptime = Double.parseDouble(Files.readString(Path.of("/proc/uptime")).split(" ")[0]);
    assertTrue(before > 0 && before <= (uptime + 0.1) * 1e6, before + " " + uptime);
  }
}
