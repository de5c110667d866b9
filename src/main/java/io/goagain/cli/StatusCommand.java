package io.goagain.cli;

import io.vertx.core.json.JsonObject;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Prints what the service says of itself. */
@Command(name = "status", description = "Shows what a service does.", sortOptions = false)
final class StatusCommand extends ServiceCommand {

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
    JsonObject status = control.ask(service, Question.STATUS, timeout());
    print(status, Text.status(status));
  }
}
