package io.goagain.cli;

import io.vertx.core.json.JsonObject;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Drains the service; it exits after the answer. */
@Command(
    name = "stop",
    description = "Stops a service once its connections have finished.",
    sortOptions = false)
final class StopCommand extends ServiceCommand {

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      defaultValue = "90",
      description = "How long to wait until it has drained (default: ${DEFAULT-VALUE}).")
  private double timeout;

  @Override
  double timeoutSeconds() {
    return timeout;
  }

  @Override
  void run(Control control, Service service) throws CliException, InterruptedException {
    JsonObject counts = control.ask(service, Question.STOP, timeout());
    print(counts, "stopped; " + Text.counts(counts));
  }
}
