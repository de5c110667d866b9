package io.goagain.impl;

import io.goagain.RestartFailure;
import io.goagain.RestartOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The program that the next generation runs: the one that was typed, or what the options say,
 * looked up again on disk at every restart.
 *
 * @param path what to execute: absolute, or relative to the working directory
 * @param arguments argv
 * @param environment without anything of a handover
 */
record NextCommand(
    String path, List<String> arguments, Map<String, String> environment, String workingDirectory) {

  private static final String DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin";

  static NextCommand resolve(Launch launch, RestartOptions options) throws RestartException {
    List<String> arguments =
        options.getCommand() == null ? launch.arguments() : options.getCommand();
    Path own = Path.of(launch.workingDirectory());
    String directory =
        options.getWorkingDirectory() == null
            ? launch.workingDirectory()
            : own.resolve(options.getWorkingDirectory()).toString();
    if (!Files.isDirectory(Path.of(directory))) {
      throw new RestartException(
          RestartFailure.COMMAND_NOT_FOUND,
          "The working directory %s does not exist (any more): create it, or set workingDirectory."
              .formatted(directory));
    }
    Map<String, String> environment = environment(launch.environment(), options, directory);
    return new NextCommand(
        locate(arguments.get(0), Path.of(directory), environment.get("PATH")),
        List.copyOf(arguments),
        environment,
        directory);
  }

  /** The same with one more flag, in front of all arguments, and one more variable. */
  NextCommand with(String flag, String variable, String value) {
    List<String> more = new ArrayList<>(arguments);
    more.add(1, flag);
    Map<String, String> all = new LinkedHashMap<>(environment);
    all.put(variable, value);
    return new NextCommand(path, List.copyOf(more), all, workingDirectory);
  }

  /** As exec(3) takes it, with the variables of a handover. */
  List<String> environmentWith(Map<String, String> handover) {
    Map<String, String> all = new TreeMap<>(environment);
    all.putAll(handover);
    return all.entrySet().stream()
        .map(variable -> variable.getKey() + "=" + variable.getValue())
        .toList();
  }

  private static Map<String, String> environment(
      Map<String, String> own, RestartOptions options, String directory) {
    Map<String, String> next = new LinkedHashMap<>(own);
    // What a handover put there must not live on: it would be taken for the next one's.
    next.keySet().removeIf(name -> name.startsWith("GOAGAIN_"));
    // The same for what systemd has put there for this process alone. NOTIFY_SOCKET and
    // WATCHDOG_USEC are for the service.
    next.keySet().removeAll(SocketActivation.VARIABLES);
    next.remove("WATCHDOG_PID", Long.toString(ProcessHandle.current().pid()));
    next.put("PWD", directory);
    // HotSpot's own use of SIGUSR2 is moved out of the way: hotspot/os/posix/signals_posix.cpp.
    next.putIfAbsent(FlightRecorderTrap.VARIABLE, FlightRecorderTrap.OTHER_SIGNAL);
    options
        .getEnvironment()
        .forEach(
            (name, value) -> {
              if (value == null) {
                next.remove(name);
              } else {
                next.put(name, value);
              }
            });
    return next;
  }

  /** As execvp(3) does, but in the working directory and with the PATH of the next generation. */
  private static String locate(String command, Path directory, String searchPath)
      throws RestartException {
    if (command.contains("/")) {
      check(command, directory.resolve(command));
      return command;
    }
    List<Path> notExecutable = new ArrayList<>();
    String places = searchPath == null ? DEFAULT_PATH : searchPath;
    for (String place : places.split(":", -1)) {
      Path candidate = directory.resolve(place).resolve(command);
      if (Files.isRegularFile(candidate)) {
        if (Files.isExecutable(candidate)) {
          return candidate.toString();
        }
        notExecutable.add(candidate);
      }
    }
    if (!notExecutable.isEmpty()) {
      check(command, notExecutable.get(0));
    }
    throw new RestartException(
        RestartFailure.COMMAND_NOT_FOUND,
        "No \"%s\" in any directory of PATH (%s): install it, or set command."
            .formatted(command, places));
  }

  private static void check(String command, Path file) throws RestartException {
    if (!Files.exists(file)) {
      throw new RestartException(
          RestartFailure.COMMAND_NOT_FOUND,
          "The command %s does not exist (looked for %s): deploy it, or set command."
              .formatted(command, file));
    }
    if (!Files.isRegularFile(file) || !Files.isExecutable(file)) {
      throw new RestartException(
          RestartFailure.COMMAND_NOT_EXECUTABLE,
          "The command %s is not an executable file (%s): see its mode and its mount options."
              .formatted(command, file));
    }
  }
}
