package io.goagain.benchmark;

import io.goagain.process.AppProcess;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** How programs are started here: in a session of their own, with nothing in the environment. */
final class Programs {
  private static final List<AppProcess> STARTED = new ArrayList<>();

  private Programs() {}

  /** Starts a program; its pid is also the number of its session. */
  static AppProcess start(Path directory, List<String> command) throws IOException {
    List<String> clean = new ArrayList<>(List.of("setsid", "env", "-i"));
    clean.add("PATH=" + System.getenv("PATH"));
    clean.add("PWD=" + directory);
    clean.add("TMPDIR=" + directory);
    // HotSpot uses SIGUSR2 itself; this makes it take another signal.
    clean.add("_JAVA_SR_SIGNUM=35");
    clean.addAll(command);
    AppProcess started = AppProcess.run(clean, Map.of(), directory);
    synchronized (STARTED) {
      STARTED.add(started);
    }
    return started;
  }

  /** Kills whatever has been started here and lives. */
  static void killAll() {
    synchronized (STARTED) {
      STARTED.forEach(AppProcess::close);
    }
  }

  /** The beginning of a command that runs Java; each has the same heap. */
  static List<String> java(Path directory, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(AppProcess.java());
    command.addAll(List.of("-Xmx256m", "-XX:-UsePerfData", "-Djava.io.tmpdir=" + directory));
    command.addAll(List.of(arguments));
    return command;
  }

  /** The path of a program. */
  static String find(String name) throws Skipped {
    String[] path = System.getenv("PATH").split(File.pathSeparator, -1);
    return Stream.concat(Stream.of(path), Stream.of("/usr/sbin", "/usr/local/sbin"))
        .map(place -> Path.of(place, name))
        .filter(Files::isExecutable)
        .findFirst()
        .orElseThrow(() -> new Skipped(name + " is not installed"))
        .toString();
  }

  /** A port that nobody listened on a moment ago. */
  static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }
}
