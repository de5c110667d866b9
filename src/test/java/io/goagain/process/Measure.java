package io.goagain.process;

import static io.goagain.process.SingleApp.assertNothingLost;

import io.goagain.load.Load;
import io.goagain.process.AppProcess.Generation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** What restarts could leave behind: descriptors by kind, threads by name, temporary files. */
record Measure(Map<String, Long> descriptors, List<String> threads, long files) {

  /** For a program to be measured: the JVM's own threads come and go with the work otherwise. */
  static SingleApp.Starter steady(SingleApp.Starter starter) {
    return starter.jvm("-XX:+UseSerialGC", "-XX:-UseDynamicNumberOfCompilerThreads");
  }

  /**
   * Of the newest process, once its load is over and its predecessor is gone.
   *
   * @param threads which of them count, by their names
   */
  static Measure of(SingleApp app, Predicate<String> threads) throws Exception {
    Generation newest = app.process().newest();
    app.log("generation %d: predecessor .* is gone".formatted(newest.generation()));
    Load load = app.load();
    load.awaitRequests(100);
    assertNothingLost(load, newest.generation());
    Measure[] now = new Measure[2];
    app.await(
        "nothing changes any more",
        () -> {
          now[1] = now[0];
          now[0] = now(app, newest.pid(), threads);
          return now[0].equals(now[1]);
        });
    return now[0];
  }

  private static Measure now(SingleApp app, long pid, Predicate<String> counted)
      throws IOException {
    List<String> threads =
        app.process().threads(pid).stream()
            .filter(counted)
            .map(name -> name.replaceAll("\\d+", "N"))
            .toList();
    try (Stream<Path> files = Files.list(app.temporaryDirectory())) {
      return new Measure(app.descriptorKinds(pid), threads, files.count());
    }
  }
}
