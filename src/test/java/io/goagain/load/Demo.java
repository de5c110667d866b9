package io.goagain.load;

import io.goagain.process.AppProcess;
import io.goagain.process.AppProcess.Generation;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Restarts a server three times under load, and tells what its clients saw. The exit status is 1 if
 * a request was lost, a restart did not happen, or the server did not end well.
 */
public final class Demo {
  private static final int RESTARTS = 3;
  private static final Duration STEADY = Duration.ofSeconds(3);
  private static final Duration AFTER = Duration.ofSeconds(1);
  private static final Pattern DRAINED = Pattern.compile("generation (\\d+): drained: (\\{.*\\})");
  private static final int COLUMNS = 100;
  private static final String ROW = "  %-22s%10s%8s%10s%10s%10s%13s%13s";

  private final PrintStream out = System.out;
  private final boolean terminal = isTerminal();
  private final AppProcess server;
  private final Load load;
  private final List<Restart> restarts = new ArrayList<>();
  private final List<String> troubles = new ArrayList<>();
  private final Object console = new Object();
  private volatile String phase = "starting";

  /** One restart: when it was asked for, when it was ready, when the predecessor was gone. */
  private record Restart(long asked, long ready, long over, Generation generation) {
    boolean touches(Sample sample) {
      long end = ready + AFTER.toNanos();
      return sample.within(asked, over - end > 0 ? over : end);
    }
  }

  private Demo(AppProcess server, Load load) {
    this.server = server;
    this.load = load;
  }

  /** Runs the demo with the jar of the examples that the argument names. */
  public static void main(String[] args) throws Exception {
    if (args.length != 1 || !Files.isReadable(Path.of(args[0]))) {
      System.err.println("usage: Demo JAR, the jar of the examples");
      System.exit(2);
    }
    List<String> command =
        List.of(
            AppProcess.java(),
            "-jar",
            args[0],
            "single",
            "--port",
            "0",
            // Short, as a next restart waits for the end of it.
            "--options",
            "{\"probation\":500}");
    // HotSpot uses SIGUSR2 itself; this makes it take another signal.
    Map<String, String> environment = Map.of("_JAVA_SR_SIGNUM", "35");
    System.out.println(
        "$ _JAVA_SR_SIGNUM=35 " + String.join(" ", command).replaceAll("\\{.*\\}", "'$0'"));
    boolean well = false;
    try (AppProcess server = AppProcess.run(command, environment, null)) {
      Runtime.getRuntime().addShutdownHook(new Thread(server::close, "kill"));
      Generation first = server.awaitReady(1);
      // The name of the listener is the program's business: take the first.
      String listener = server.awaitLine(Pattern.compile("^listening (\\S+) ")).group(1);
      System.out.printf(
          "Generation 1 is process %d, listening on %s.%n", first.pid(), server.address(listener));
      try (Load load = Load.usual(server.socketAddress(listener))) {
        well = new Demo(server, load).run(first);
      }
    } catch (AssertionError e) {
      System.out.println(e.getMessage());
    }
    System.exit(well ? 0 : 1);
  }

  private boolean run(Generation first) throws Exception {
    out.printf(
        "Load: GETs on 16 keep-alive connections, a connection for each request, POSTs of up to%n"
            + "64 KiB, requests that take 1.5 s; 600 requests/s in all, whatever the server does.%n"
            + "The server is sent SIGUSR2 %d times meanwhile.%n%n",
        RESTARTS);
    Thread ticker = new Thread(this::tick, "progress");
    Report report;
    try {
      load.start();
      ticker.start();
      restartAll(first);
      phase = "stopping";
      report = load.stop();
    } finally {
      ticker.interrupt();
      ticker.join();
    }
    say("The load has ended; SIGTERM to process " + server.newest().pid() + ".");
    String end = stop();
    table(report);
    summary(report, first, end);
    check(report);
    out.println();
    troubles.forEach(trouble -> out.println("FAILED: " + trouble));
    if (troubles.isEmpty()) {
      out.printf("No request was lost in %d restarts.%n", RESTARTS);
    }
    return troubles.isEmpty();
  }

  private void restartAll(Generation first) throws Exception {
    Generation current = first;
    try {
      steady(current);
      for (int i = 1; i <= RESTARTS; i++) {
        phase = "restart " + i;
        long asked = System.nanoTime();
        server.signal(current.pid(), "USR2");
        Generation next = server.awaitReady(current.generation() + 1);
        long ready = System.nanoTime();
        OptionalInt code = server.awaitExit(current.pid());
        long over = System.nanoTime();
        restarts.add(new Restart(asked, ready, over, next));
        say(
            String.format(
                "Restart %d: process %d ready after %s ms, process %d gone after %s ms%s.",
                i,
                next.pid(),
                millis(ready - asked, 0),
                current.pid(),
                millis(over - asked, 0),
                code.isPresent() ? ", exit code " + code.getAsInt() : ""));
        if (code.orElse(0) != 0) {
          troubles.add("generation " + current.generation() + " exited with " + code.getAsInt());
        }
        current = next;
        steady(current);
      }
    } catch (AssertionError e) {
      troubles.add("restart " + (restarts.size() + 1) + ": " + e.getMessage());
    }
  }

  private void steady(Generation current) throws InterruptedException {
    phase = "generation " + current.generation();
    // Time itself is what is waited for here.
    TimeUnit.NANOSECONDS.sleep(STEADY.toNanos());
  }

  /** Ends the server, and returns how it ended. */
  private String stop() throws Exception {
    Generation last = server.newest();
    try {
      long asked = System.nanoTime();
      server.signal(last.pid(), "TERM");
      OptionalInt code = server.awaitExit(last.pid());
      String end = "gone " + millis(System.nanoTime() - asked, 0) + " ms after SIGTERM";
      if (code.orElse(0) != 0) {
        troubles.add("exit code " + code.getAsInt() + " after SIGTERM");
      }
      return end + (code.isPresent() ? ", exit code " + code.getAsInt() : "");
    } catch (AssertionError e) {
      troubles.add("SIGTERM: " + e.getMessage());
      return "did not end";
    }
  }

  private void check(Report report) {
    if (report.failed() > 0) {
      troubles.add(report.failed() + " requests were lost");
    }
    if (restarts.size() < RESTARTS) {
      troubles.add("only " + restarts.size() + " of " + RESTARTS + " restarts");
    } else if (report.generations().size() != RESTARTS + 1) {
      troubles.add("answers came from generations " + report.generations().keySet());
    } else if (report.pids().size() != RESTARTS + 1) {
      troubles.add("answers came from processes " + report.pids().keySet());
    }
  }

  private void table(Report report) {
    out.println();
    out.println(
        String.format(
            ROW, "", "requests", "failed", "p50", "p99", "max", "ready after", "generation"));
    long warm = report.startedAt() + AFTER.toNanos();
    row("first second", report.window(report.startedAt(), warm), "", "");
    row("steady state", report.window(sample -> steady(sample, warm)), "", "");
    for (Restart restart : restarts) {
      row(
          "restart " + (restarts.indexOf(restart) + 1) + " *",
          report.window(restart::touches),
          millis(restart.ready - restart.asked, 0) + " ms",
          (restart.generation.generation() - 1) + " -> " + restart.generation.generation());
    }
    row("all", report.window(sample -> true), "", "");
    out.println("  * From the signal to a second after ready, or until the predecessor was gone.");
    out.println(
        "  Latency counts from when a request was due, less the wait that a slow one asks for.");
    out.println();
  }

  private boolean steady(Sample sample, long warm) {
    return sample.scheduled() - warm >= 0
        && restarts.stream().noneMatch(restart -> restart.touches(sample));
  }

  private void row(String name, Report.Window window, String ready, String generation) {
    String row =
        String.format(
            ROW,
            name,
            window.requests(),
            window.failed(),
            millis(window.p50().toNanos(), 2) + " ms",
            millis(window.p99().toNanos(), 1) + " ms",
            millis(window.max().toNanos(), 1) + " ms",
            ready,
            generation);
    out.println(row.stripTrailing());
  }

  private void summary(Report report, Generation first, String end) {
    String failures =
        report.failures().entrySet().stream()
            .map(entry -> entry.getValue() + " " + entry.getKey().words())
            .collect(Collectors.joining(", "));
    line("failed", failures.isEmpty() ? "none" : failures);
    for (String failure : report.firstFailures()) {
      line("", failure.strip());
    }
    line(
        "connections",
        String.format(
            "%d of %d keep-alive clients kept theirs, %d reconnects, %d closed while idle",
            report.keptConnections(),
            report.keepAliveClients(),
            report.reconnects(),
            report.idleCloses()));
    line("their sockets", handedOver());
    report
        .pids()
        .forEach(
            (pid, answers) ->
                line("process " + pid, answers + " answers, " + role(pid, first, end)));
  }

  /** What became of all connections that were open at a restart, as the predecessors tell. */
  private String handedOver() {
    int[] sums = new int[4];
    String[] names = {"moved", "closed", "finished", "cut"};
    for (String line : server.lines()) {
      Matcher matcher = DRAINED.matcher(line);
      if (matcher.find() && Integer.parseInt(matcher.group(1)) <= RESTARTS) {
        JsonObject drain = new JsonObject(matcher.group(2));
        for (int i = 0; i < names.length; i++) {
          sums[i] += drain.getInteger(names[i]);
        }
      }
    }
    return String.format(
        "%d moved to a successor, %d were told to close, %d were finished by the client, %d cut",
        sums[0], sums[1], sums[2], sums[3]);
  }

  private String role(long pid, Generation first, String end) {
    List<String> roles = new ArrayList<>();
    if (pid == first.pid()) {
      roles.add("generation " + first.generation());
    }
    for (Restart restart : restarts) {
      if (restart.generation.pid() == pid) {
        roles.add("generation " + restart.generation.generation());
      }
    }
    return String.join(", ", roles) + (pid == server.newest().pid() ? ", " + end : "");
  }

  /** Prints a name, and beside it a text broken into lines that fit. */
  private void line(String name, String text) {
    String label = name;
    StringBuilder row = new StringBuilder();
    for (String word : text.split(" ", -1)) {
      if (row.length() > 0 && row.length() + 1 + word.length() > COLUMNS - 24) {
        out.printf("  %-22s%s%n", label, row);
        label = "";
        row.setLength(0);
      }
      row.append(row.length() > 0 ? " " : "").append(word);
    }
    out.printf("  %-22s%s%n", label, row);
  }

  /** Prints a line for good. */
  private void say(String text) {
    synchronized (console) {
      out.println(terminal ? "\r\033[K" + text : text);
    }
  }

  private void tick() {
    try {
      while (true) {
        TimeUnit.MILLISECONDS.sleep(terminal ? 500 : 1000);
        progress();
      }
    } catch (InterruptedException e) {
      // The load has ended, and with it this thread.
      phase = "ended";
    }
  }

  /** Prints how things are, on a terminal in place of what this printed before. */
  private void progress() {
    Report report = load.report();
    long now = System.nanoTime();
    Report.Window recent = report.window(now - TimeUnit.SECONDS.toNanos(2), now);
    String text =
        String.format(
            "%5.1f s  %-12s %6d requests, %d failed, p99 of the last 2 s %s ms",
            (now - report.startedAt()) / 1e9,
            phase,
            report.requests(),
            report.failed(),
            millis(recent.p99().toNanos(), 1));
    synchronized (console) {
      if (terminal) {
        out.print("\r\033[K" + text);
        out.flush();
      } else {
        out.println(text);
      }
    }
  }

  private static String millis(long nanos, int digits) {
    return String.format(Locale.ROOT, "%." + digits + "f", nanos / 1e6);
  }

  /** Whether stdout is a terminal; System.console() wants stdin to be one as well. */
  private static boolean isTerminal() {
    try {
      String target = Files.readSymbolicLink(Path.of("/proc/self/fd/1")).toString();
      return target.startsWith("/dev/pts/") || target.startsWith("/dev/tty");
    } catch (IOException e) {
      return false;
    }
  }
}
