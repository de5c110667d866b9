package io.goagain.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.vertx.core.json.JsonObject;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;

/** A run of the command line in this JVM. */
final class Run {

  final Lines out = new Lines();
  final Lines err = new Lines();
  private int exitCode;

  static Run of(String... args) {
    Run run = new Run();
    run.run(args);
    return run;
  }

  int run(String... args) {
    exitCode = Main.run(args, stream(out), stream(err));
    return exitCode;
  }

  /** In a thread of its own. */
  CompletableFuture<Integer> start(String... args) {
    return CompletableFuture.supplyAsync(
        () -> run(args),
        task -> {
          Thread thread = Executors.defaultThreadFactory().newThread(task);
          thread.setDaemon(true);
          thread.start();
        });
  }

  private static PrintStream stream(Lines lines) {
    return new PrintStream(lines, true, StandardCharsets.UTF_8);
  }

  /** With nothing on stderr. */
  Run succeeded() {
    assertEquals(0, exitCode, err::text);
    assertEquals("", err.text());
    return this;
  }

  /** With one sentence on stderr, and the exit code. */
  Run failed(int code, String sentence) {
    assertEquals(sentence, err.text());
    assertEquals(code, exitCode);
    return this;
  }

  /** What is on stdout, which must be one document in one line. */
  JsonObject document() {
    assertEquals(1, out.all().size(), out::text);
    return new JsonObject(out.text());
  }
}
