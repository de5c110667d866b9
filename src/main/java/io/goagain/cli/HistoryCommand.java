package io.goagain.cli;

import io.vertx.core.json.JsonObject;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Prints the last restarts, the oldest first. */
@Command(
    name = "history",
    description = "Shows the last restarts of a service, the oldest first.",
    sortOptions = false)
final class HistoryCommand extends ServiceCommand {

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      defaultValue = "10",
      description = "How long to wait for the answer (default: ${DEFAULT-VALUE}).")
  private double timeout;

  @Override
  double timeoutSeconds() {
    return timeout;
  }

  @Override
  void run(Control control, Service service) throws CliException, InterruptedException {
    JsonObject history = control.ask(service, Question.HISTORY, timeout());
    print(history, Text.history(history));
  }
}
