package io.goagain.cli;

import io.vertx.core.json.JsonObject;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** What all commands have in common: a service, and how the outcome is told. */
abstract class ServiceCommand implements Callable<Integer> {

  private static final double MOST_SECONDS = 1_000_000;

  @Spec private CommandSpec spec;

  @ParentCommand private Main main;

  @ArgGroup(exclusive = true, multiplicity = "1")
  private Target target;

  @Option(
      names = "--json",
      description = "Print the outcome as one JSON document on stdout, failures too.")
  private boolean json;

  /** A command that failed throws; one that returns has succeeded. */
  abstract void run(Control control, Service service) throws CliException, InterruptedException;

  /** In seconds. */
  abstract double timeoutSeconds();

  /** What --json prints of a failure. */
  void printFailure(CliException failure) {
    out().println(failure.toJson().encode());
  }

  @Override
  public final Integer call() throws InterruptedException {
    check(
        timeoutSeconds() > 0 && timeoutSeconds() <= MOST_SECONDS,
        "--timeout must be a number of seconds above 0, and is " + timeoutSeconds());
    target.check(this);
    try (Control control = new Control()) {
      run(control, target.find(control));
      return 0;
    } catch (CliException e) {
      err().println(spec.qualifiedName() + ": " + e.getMessage());
      if (json) {
        printFailure(e);
      }
      return e.exitCode();
    }
  }

  /** A wrong command line if it does not hold. */
  final void check(boolean holds, String sentence) {
    if (!holds) {
      throw new ParameterException(spec.commandLine(), sentence);
    }
  }

  final Duration timeout() {
    return Duration.ofNanos((long) (timeoutSeconds() * 1e9));
  }

  /** The document, or text made of it. */
  final void print(JsonObject document, String text) {
    out().println(json ? document.encode() : text);
  }

  final CommandSpec spec() {
    return spec;
  }

  final boolean stderrIsWatched() {
    return main.watched();
  }

  final PrintWriter out() {
    return spec.commandLine().getOut();
  }

  final PrintWriter err() {
    return spec.commandLine().getErr();
  }
}
