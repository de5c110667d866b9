package io.goagain.cli;

import io.vertx.core.Future;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Option;

/** Which service is asked: exactly one of the two. */
final class Target {

  /** For a socket to show whether it is a control socket. */
  private static final Duration PROBE = Duration.ofSeconds(5);

  @Option(
      names = "--socket",
      paramLabel = "PATH",
      required = true,
      description = "The control socket of the service.")
  private String socket;

  @Option(
      names = "--pid",
      paramLabel = "PID",
      required = true,
      description = "The process of the service; its control socket is looked for.")
  private Long pid;

  void check(ServiceCommand command) {
    command.check(socket == null || !socket.isEmpty(), "--socket must not be empty");
    command.check(socket == null || socket.indexOf('\0') < 0, "--socket must not contain NUL");
    command.check(pid == null || pid > 0, "--pid must be positive, and is " + pid);
  }

  Service find(Control control) throws CliException, InterruptedException {
    if (socket != null) {
      return Service.at(socket);
    }
    List<String> paths = new ProcessSockets(Path.of("/proc"), pid).paths();
    if (paths.isEmpty()) {
      throw none("it listens on no Unix socket");
    }
    List<Service> candidates = paths.stream().map(path -> Service.ofProcess(pid, path)).toList();
    List<Future<Service>> probes = new ArrayList<>();
    for (Service candidate : candidates) {
      probes.add(probe(control, candidate));
    }
    try {
      Future.any(probes).otherwiseEmpty().toCompletionStage().toCompletableFuture().get();
    } catch (ExecutionException e) {
      throw new IllegalStateException("cannot fail", e);
    }
    // Once one has succeeded, others may still be under way.
    for (Future<Service> probe : probes) {
      if (probe.succeeded()) {
        return probe.result();
      }
    }
    List<String> reasons = new ArrayList<>();
    for (int i = 0; i < probes.size(); i++) {
      reasons.add(paths.get(i) + " (" + brief(probes.get(i).cause()) + ")");
    }
    throw none("none of its sockets answered as one: " + String.join(", ", reasons));
  }

  private static Future<Service> probe(Control control, Service candidate) {
    return control
        .ask(candidate, Question.STATUS)
        .timeout(PROBE.toMillis(), TimeUnit.MILLISECONDS)
        .compose(
            answer ->
                answer.isOfControlApi()
                    ? Future.succeededFuture(candidate)
                    : Future.failedFuture(new Foreign()));
  }

  private static String brief(Throwable failure) {
    return failure instanceof Foreign
        ? "answers, and not as a control socket"
        : Reason.brief(failure);
  }

  /** Speaks HTTP, and is something else. */
  private static final class Foreign extends Exception {}

  private CliException none(String reason) {
    return CliException.unreachable(
        "could not find the control socket of process %d: %s; is it switched on?"
            .formatted(pid, reason),
        null);
  }
}
