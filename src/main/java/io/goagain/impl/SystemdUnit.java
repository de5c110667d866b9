package io.goagain.impl;

import static java.lang.System.Logger.Level.DEBUG;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * What has to be known of the unit that this process runs in, and that only systemd can tell.
 *
 * <p>systemd looks once, when it is told of a main process, whether that is its own child. If not,
 * which a successor is not before its predecessor is gone, a later stop does not wait for it: the
 * SIGKILL follows the SIGTERM at once (service_set_main_pidref() and unit_kill_context() in its
 * source). So a successor had better tell of itself, once it has been adopted. That takes {@code
 * NotifyAccess=all}, and {@code ExitType=cgroup} (systemd 250) for the moment without a main
 * process.
 */
final class SystemdUnit {

  private static final System.Logger LOG = System.getLogger(SystemdUnit.class.getName());
  private static final long LIMIT_SECONDS = 5;

  private SystemdUnit() {}

  /** Whether a successor may tell of itself when its predecessor is gone. Blocks. */
  static boolean outlivesItsMainProcess(Map<String, String> environment) {
    try {
      String unit = ofControlGroup(Files.readString(Path.of("/proc/self/cgroup")));
      return unit != null
          && show(unit, environment).containsAll(List.of("NotifyAccess=all", "ExitType=cgroup"));
    } catch (IOException e) {
      LOG.log(DEBUG, "systemd cannot be asked for the unit of this process", e);
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /** From cgroups(7): the last service in the path; null if there is none. */
  static String ofControlGroup(String cgroups) {
    String unit = null;
    for (String part : cgroups.split("[/\n]")) {
      if (part.endsWith(".service")) {
        unit = part;
      }
    }
    return unit;
  }

  private static List<String> show(String unit, Map<String, String> environment)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("systemctl"));
    if (environment.containsKey("MANAGERPID")) { // systemd.exec(5): only in a user's services
      command.add("--user");
    }
    command.addAll(List.of("show", "--property=NotifyAccess", "--property=ExitType", "--", unit));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    if (!process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
      process.destroyForcibly(); // the two lines that it prints would have fitted into the pipe
    }
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return output.lines().toList();
  }
}
