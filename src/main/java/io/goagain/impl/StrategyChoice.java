package io.goagain.impl;

import io.goagain.RestartOptions;
import io.goagain.RestartStrategy;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What {@link RestartStrategy#AUTO} comes to: who watches this process decides.
 *
 * @param strategy never AUTO
 * @param reason null if the strategy was asked for
 */
record StrategyChoice(RestartStrategy strategy, String reason) {

  /** Supervisors that start their services themselves and watch those pids. */
  private static final Set<String> SUPERVISORS =
      Set.of("runsv", "supervisord", "s6-supervise", "supervise", "circusd", "monit");

  /** Inits of containers, which end with their child. */
  private static final Set<String> INITS =
      Set.of("docker-init", "tini", "dumb-init", "catatonit", "podman-init");

  static StrategyChoice of(RestartOptions options, Map<String, String> environment) {
    if (options.getStrategy() != RestartStrategy.AUTO) {
      return new StrategyChoice(options.getStrategy(), null);
    }
    ProcessHandle own = ProcessHandle.current();
    long parent = own.parent().map(ProcessHandle::pid).orElse(0L);
    return choose(own.pid(), parent, namesOf(parent), environment, options.getPidFile() != null);
  }

  /** Pure: all that the choice depends on. */
  static StrategyChoice choose(
      long pid,
      long parent,
      List<String> parentNames,
      Map<String, String> environment,
      boolean pidFile) {
    if (environment.containsKey("NOTIFY_SOCKET")) {
      return new StrategyChoice(
          RestartStrategy.SINGLE, "systemd is told of the new main pid (NOTIFY_SOCKET)");
    }
    if (pid == 1) {
      return new StrategyChoice(
          RestartStrategy.DOUBLE, "this is process 1, with which its container ends");
    }
    for (String name : parentNames) {
      if (SUPERVISORS.contains(name) || (parent == 1 && INITS.contains(name))) {
        return new StrategyChoice(
            RestartStrategy.DOUBLE, "the parent is " + name + ", which watches one pid");
      }
    }
    // systemd.exec(5): set for the process that systemd itself started, from version 248 on.
    if (Long.toString(pid).equals(environment.get("SYSTEMD_EXEC_PID")) && !pidFile) {
      return new StrategyChoice(
          RestartStrategy.DOUBLE, "systemd watches one pid: there is no NOTIFY_SOCKET, no pidFile");
    }
    return new StrategyChoice(
        RestartStrategy.SINGLE, "no supervisor is known that would need the pid to stay");
  }

  /** What a process calls itself, and the files that it runs: supervisord is a Python script. */
  private static List<String> namesOf(long pid) {
    try {
      Path process = Path.of("/proc", Long.toString(pid));
      String name = Files.readString(process.resolve("comm")).strip();
      String[] command = Files.readString(process.resolve("cmdline")).split("\0");
      return command.length < 2
          ? List.of(name)
          : List.of(name, fileName(command[0]), fileName(command[1]));
    } catch (IOException e) {
      return List.of();
    }
  }

  private static String fileName(String path) {
    return path.substring(path.lastIndexOf('/') + 1);
  }
}
