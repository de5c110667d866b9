package io.goagain.cli;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import io.goagain.RestartStrategy;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Restarts the service, and by default waits until its successor serves. */
@Command(
    name = "restart",
    description = "Replaces a service by its next generation, without a gap.",
    sortOptions = false)
final class RestartCommand extends ServiceCommand {

  /** Until when the command waits. */
  enum Wait {
    READY("generation"),
    DRAINED("drained"),
    NO("accepted");

    /** What only an answer to this way of waiting has. */
    private final String field;

    Wait(String field) {
      this.field = field;
    }

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** The progress is an extra: a restart does not wait for it longer than this. */
  private static final Duration PROGRESS = Duration.ofSeconds(2);

  @Option(
      names = "--wait",
      paramLabel = "WHEN",
      defaultValue = "ready",
      description =
          "Until the successor serves (ready), until the predecessor has no connection left"
              + " (drained), or only until the restart was accepted (no). Default:"
              + " ${DEFAULT-VALUE}.")
  private Wait wait;

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      defaultValue = "90",
      description =
          "How long to wait for the answer; the restart goes on without this command (default:"
              + " ${DEFAULT-VALUE}).")
  private double timeout;

  @Option(
      names = "--command",
      paramLabel = "ARGUMENT",
      description =
          "One argument of the command line of the next generation, program first; repeat it, or"
              + " put the whole command line after --.")
  private List<String> command;

  @Parameters(
      paramLabel = "COMMAND",
      arity = "0..*",
      description = "After --: the command line of the next generation.")
  private List<String> rest;

  @Option(
      names = "--env",
      paramLabel = "NAME[=VALUE]",
      description =
          "A change to the environment of the next generation; NAME alone removes a variable."
              + " Repeatable.")
  private List<String> environment;

  @Option(
      names = "--strategy",
      paramLabel = "STRATEGY",
      description = "How the process is replaced: ${COMPLETION-CANDIDATES}.")
  private RestartStrategy strategy;

  @Option(
      names = "--ready-timeout",
      paramLabel = "MILLIS",
      description = "How long the successor may take until it is ready.")
  private Long readyTimeout;

  @Option(
      names = "--drain-timeout",
      paramLabel = "MILLIS",
      description = "How long connections may take to finish.")
  private Long drainTimeout;

  @Option(
      names = "--progress",
      negatable = true,
      description =
          "Print each phase on stderr as it happens; the default where stderr is a terminal.")
  private Boolean progress;

  @Override
  double timeoutSeconds() {
    return timeout;
  }

  @Override
  void run(Control control, Service service) throws CliException, InterruptedException {
    Question question =
        new Question("restart", HttpMethod.POST, "/restart?wait=" + wait, body(), wait.field);
    if (progress == null ? stderrIsWatched() : progress) {
      showPhases(control, service);
    }
    JsonObject outcome = control.ask(service, question, timeout());
    if (wait != Wait.NO) {
      print(outcome, Text.restart(outcome));
    } else if (Boolean.TRUE.equals(outcome.getValue("accepted"))) {
      print(outcome, "the restart was accepted");
    } else {
      throw CliException.failed("NOT_ACCEPTED", question.failed(service) + "it did not accept it");
    }
  }

  private void showPhases(Control control, Service service) throws InterruptedException {
    Duration limit = timeout().compareTo(PROGRESS) < 0 ? timeout() : PROGRESS;
    long start = System.nanoTime();
    try {
      control.events(
          service,
          limit,
          event ->
              err().println(Text.phase(NANOSECONDS.toMillis(System.nanoTime() - start), event)));
    } catch (CliException e) {
      err().println("no progress: " + e.getMessage());
    }
  }

  /** Null if the options of the service are to count. */
  private JsonObject body() {
    JsonObject body = new JsonObject();
    List<String> line = commandLine();
    if (line != null) {
      body.put("command", new JsonArray(line));
    }
    if (environment != null) {
      body.put("environment", changes());
    }
    if (strategy != null) {
      body.put("strategy", strategy.toString());
    }
    if (readyTimeout != null) {
      check(readyTimeout > 0, "--ready-timeout must be positive, and is " + readyTimeout);
      body.put("readyTimeout", readyTimeout);
    }
    if (drainTimeout != null) {
      check(drainTimeout >= 0, "--drain-timeout must not be negative, and is " + drainTimeout);
      body.put("drainTimeout", drainTimeout);
    }
    return body.isEmpty() ? null : body;
  }

  private List<String> commandLine() {
    if (rest != null) {
      List<String> arguments = spec().commandLine().getParseResult().originalArgs();
      // A stray word must not become the program of a production service.
      int separator = arguments.size() - rest.size() - 1;
      check(
          separator >= 0 && arguments.get(separator).equals("--"),
          "\"" + rest.get(0) + "\" is no option; a command line stands after --");
      check(command == null, "--command and a command line after -- exclude each other");
    }
    List<String> line = rest == null ? command : rest;
    check(line == null || !line.get(0).isEmpty(), "the program must not be empty");
    return line;
  }

  private JsonObject changes() {
    JsonObject changes = new JsonObject();
    for (String change : environment) {
      int equals = change.indexOf('=');
      String name = equals < 0 ? change : change.substring(0, equals);
      check(!name.isEmpty(), "--env " + change + " names no variable");
      changes.put(name, equals < 0 ? null : change.substring(equals + 1));
    }
    return changes;
  }
}
