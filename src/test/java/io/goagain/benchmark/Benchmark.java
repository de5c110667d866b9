package io.goagain.benchmark;

import io.goagain.benchmark.Service.Restart;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Restarts servers in several ways under the same load, and compares what their clients saw. All
 * serve at once and take turns, a restart each, so that what else the machine does hits all alike.
 */
public final class Benchmark {
  private static final Duration WARM_UP = Duration.ofSeconds(5);

  private final PrintStream out = System.out;
  private final int rate;
  private final int connections;
  private final Map<Service, Result> services = new LinkedHashMap<>();

  private Benchmark(int rate, int connections) {
    this.rate = rate;
    this.connections = connections;
  }

  /**
   * Arguments: the directory of the build, requests a second, connections, restarts of each
   * variant, and the keys of variants or "all".
   */
  public static void main(String[] args) throws Exception {
    Path target = Path.of(args[0]).toAbsolutePath();
    List<Variant> variants = Variant.all(target.resolve("goagain-examples.jar").toString());
    if (!args[4].equals("all")) {
      Set<String> wanted = Set.of(args[4].split(",", -1));
      variants = variants.stream().filter(variant -> wanted.contains(variant.key())).toList();
    }
    Path directory = Files.createDirectories(target.resolve("benchmark"));
    Path work = directory.resolve("work");
    delete(work);
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  Programs.killAll();
                  delete(work);
                },
                "clean-up"));
    Benchmark benchmark = new Benchmark(Integer.parseInt(args[1]), Integer.parseInt(args[2]));
    int restarts = Integer.parseInt(args[3]);
    List<Result> results = benchmark.run(variants, restarts, work);
    String tables = Markdown.of(benchmark.conditions(restarts), results);
    Files.writeString(directory.resolve("benchmark.md"), tables);
    Files.writeString(directory.resolve("benchmark.svg"), Plot.of(results));
    benchmark.out.println("\n" + tables + "\nwritten to " + directory);
    System.exit(0);
  }

  private List<Result> run(List<Variant> variants, int restarts, Path work) throws Exception {
    for (Variant variant : variants) {
      Path directory = Files.createDirectories(work.resolve(variant.key()));
      try {
        Service service = variant.starter().start(directory);
        services.put(service, new Result(variant.name()));
        Round.warm(service, rate, connections, WARM_UP);
      } catch (Skipped e) {
        out.println("skipped: " + variant.name() + ": " + e.getMessage());
      }
    }
    for (int i = 1; i <= restarts; i++) {
      for (Map.Entry<Service, Result> entry : services.entrySet()) {
        if (entry.getValue().trouble() == null) {
          round(i, entry.getKey(), entry.getValue());
        }
      }
    }
    services.keySet().forEach(Service::close);
    return List.copyOf(services.values());
  }

  private void round(int number, Service service, Result result) throws Exception {
    try {
      Round round = Round.run(service, rate, connections);
      result.rounds().add(round);
      Restart restart = round.restart();
      out.printf(
          "%d %-18s ready after %4d ms, load average %s%n",
          number,
          result.name(),
          (restart.ready() - restart.signalled()) / 1_000_000,
          Files.readString(Path.of("/proc/loadavg")).split(" ", -1)[0]);
    } catch (AssertionError e) {
      // A restart that did not happen ends this variant, and not the others.
      result.stop("restart " + number + ": " + e.getMessage());
      out.println(result.name() + ": " + result.trouble());
    }
  }

  private String conditions(int restarts) throws IOException {
    String model =
        Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
            .filter(line -> line.startsWith("model name"))
            .map(line -> line.substring(line.indexOf(':') + 1).strip())
            .findFirst()
            .orElse("processors of unknown kind");
    return """
        %d requests/s on %d connections that are kept, and %d/s on a connection each; %d restarts of
        each variant; %d x %s, which the load generator shares; Linux %s, JDK %s.\
        """
        .formatted(
            rate,
            connections,
            rate / 10,
            restarts,
            Runtime.getRuntime().availableProcessors(),
            model,
            System.getProperty("os.version"),
            System.getProperty("java.version"));
  }

  private static void delete(Path directory) {
    if (!Files.exists(directory)) {
      return;
    }
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).collect(Collectors.toList())) {
        Files.delete(file);
      }
    } catch (IOException e) {
      System.err.println("not deleted: " + e);
    }
  }
}
