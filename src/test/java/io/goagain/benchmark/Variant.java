package io.goagain.benchmark;

import java.nio.file.Path;
import java.util.List;

/**
 * A way to restart that is measured.
 *
 * @param key names it on the command line
 * @param name names it for people
 */
record Variant(String key, String name, Starter starter) {
  /** Starts a service, which may use a directory that is empty. */
  interface Starter {
    Service start(Path directory) throws Exception;
  }

  /** All of them. */
  static List<Variant> all(String jar) {
    return List.of(
        new Variant("hard", "hard restart", directory -> new PlainService(directory, false)),
        new Variant("reuseport", "SO_REUSEPORT", directory -> new PlainService(directory, true)),
        new Variant("plain", "GoAgain", directory -> new GoAgainService(directory, jar, List.of())),
        new Variant(
            "archive",
            "GoAgain, archive",
            directory -> archived(directory, jar, List.of("--archive", archives(directory)))),
        new Variant(
            "warm-up",
            "GoAgain, warm-up",
            directory -> new GoAgainService(directory, jar, List.of("--warm-up"))),
        new Variant(
            "both",
            "GoAgain, both",
            directory ->
                archived(directory, jar, List.of("--archive", archives(directory), "--warm-up"))),
        new Variant("nginx", "nginx", NginxService::new),
        new Variant("haproxy", "HAProxy", HaproxyService::new));
  }

  private static Service archived(Path directory, String jar, List<String> options)
      throws Exception {
    GoAgainService service = new GoAgainService(directory, jar, options);
    try {
      return service.awaitArchive(Path.of(archives(directory)));
    } catch (Exception | AssertionError e) {
      service.close();
      throw e;
    }
  }

  private static String archives(Path directory) {
    return directory.resolve("archives").toString();
  }
}
