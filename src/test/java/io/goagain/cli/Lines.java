package io.goagain.cli;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** Takes what a command prints, and tells whoever waits for a line. */
final class Lines extends OutputStream {

  private final ByteArrayOutputStream begun = new ByteArrayOutputStream();
  private final List<String> lines = new ArrayList<>();
  private final Map<CompletableFuture<String>, String> awaited = new LinkedHashMap<>();

  @Override
  public synchronized void write(int b) {
    if (b != '\n') {
      begun.write(b);
      return;
    }
    String line = begun.toString(StandardCharsets.UTF_8);
    begun.reset();
    lines.add(line);
    awaited.forEach(
        (future, text) -> {
          if (line.contains(text)) {
            future.complete(line);
          }
        });
  }

  /** The first line, past or to come, with this text in it. */
  synchronized CompletableFuture<String> lineWith(String text) {
    CompletableFuture<String> future = new CompletableFuture<>();
    lines.stream().filter(line -> line.contains(text)).findFirst().ifPresent(future::complete);
    awaited.put(future, text);
    return future;
  }

  synchronized List<String> all() {
    return List.copyOf(lines);
  }

  String text() {
    return String.join("\n", all());
  }
}
