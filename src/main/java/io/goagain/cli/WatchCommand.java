package io.goagain.cli;

import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Prints events until it is interrupted. A process that hands over ends the connection; its
 * successor serves the same path.
 */
@Command(
    name = "watch",
    description = "Prints what happens to a service, a line each, over its restarts.",
    sortOptions = false)
final class WatchCommand extends ServiceCommand {

  private static final Duration PAUSE = Duration.ofMillis(100);

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      defaultValue = "5",
      description = "How long nobody may be reachable (default: ${DEFAULT-VALUE}).")
  private double timeout;

  @Override
  double timeoutSeconds() {
    return timeout;
  }

  /** Stdout has events alone. */
  @Override
  void printFailure(CliException failure) {}

  @Override
  void run(Control control, Service service) throws CliException, InterruptedException {
    long unreachableSince = System.nanoTime();
    while (!out().checkError()) {
      boolean worthwhile = false;
      try {
        Duration left = timeout().minusNanos(System.nanoTime() - unreachableSince);
        EventStream stream =
            control.events(service, left.compareTo(PAUSE) < 0 ? PAUSE : left, this::print);
        awaitEnd(stream);
        worthwhile = stream.gotSome();
        unreachableSince = System.nanoTime();
      } catch (CliException e) {
        boolean over = System.nanoTime() - unreachableSince >= timeout().toNanos();
        if (over || !e.isWorthAnotherTry()) {
          throw e;
        }
      }
      // A successor is there at once, and its first events are the most wanted ones.
      if (!worthwhile) {
        control.pause(PAUSE);
      }
    }
  }

  private static void awaitEnd(EventStream stream) throws InterruptedException {
    try {
      stream.end().toCompletionStage().toCompletableFuture().get();
    } catch (ExecutionException e) {
      throw new IllegalStateException("an end cannot fail", e);
    }
  }

  private void print(JsonObject event) {
    print(event, Text.event(event));
  }
}
