package io.goagain.examples.cluster;

import io.goagain.RestartFailure;
import io.goagain.examples.Arguments;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.jline.utils.AttributedString;
import org.jline.utils.Display;

/**
 * Asks any node of the example cluster, {@code --url}, for a rolling restart, {@code --request} in
 * JSON. With {@code --watch} it shows how far that is until it is over, and exits with 1 if it was
 * aborted; if one is in progress already it shows that one. Where there is no terminal it prints a
 * line for each change.
 */
public final class ClusterRestart {

  private static final long LOOK_MILLIS = 250;

  /** Whoever is asked restarts, too, and may be killed: so long it is asked again. */
  private static final long PATIENCE_MILLIS = 20_000;

  /** With HTTP/1.1: such a connection moves along with the node that it is to. */
  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(Duration.ofSeconds(2))
          .build();

  private final List<String> urls;
  private List<String> told = List.of();

  private ClusterRestart(List<String> urls) {
    this.urls = urls;
  }

  /** Runs it. */
  public static void run(Arguments arguments) {
    arguments.allow(Set.of("url", "request", "watch"));
    String url = arguments.get("url", "http://127.0.0.1:8081");
    ClusterRestart client = new ClusterRestart(List.of(url.split(",")));
    try {
      boolean ok = client.ask(arguments.get("request", "{}"), arguments.has("watch"));
      System.exit(ok ? 0 : 1);
    } catch (IOException e) {
      throw new UncheckedIOException("nobody answers at " + url + ": " + e, e);
    } catch (InterruptedException e) {
      System.exit(130);
    }
  }

  private boolean ask(String request, boolean watch) throws IOException, InterruptedException {
    JsonObject answer =
        send(
            HttpRequest.newBuilder(URI.create(urls.get(0) + "/cluster/restart"))
                .POST(BodyPublishers.ofString(request)));
    if (answer.containsKey("code")) {
      System.err.println(answer.getString("message"));
      if (answer.getInteger("code") != RestartFailure.IN_PROGRESS.code()) {
        return false;
      }
    } else {
      System.out.println("plan " + answer.getString("plan") + ": " + answer.getValue("order"));
    }
    return !watch || answer.getBoolean("dryRun", false) || watch();
  }

  private boolean watch() throws IOException, InterruptedException {
    try (Terminal terminal = TerminalBuilder.builder().dumb(true).build()) {
      boolean plain = terminal.getType().startsWith(Terminal.TYPE_DUMB);
      Display display = new Display(terminal, false);
      while (true) {
        JsonObject status = status();
        JsonObject plan = status.getJsonObject("plan");
        if (plain) {
          printChanges(plan);
        } else {
          display.resize(terminal.getHeight(), terminal.getWidth());
          display.update(fit(PlanView.of(status), terminal), 0);
        }
        String state = plan.getString("state");
        if (state.equals("COMPLETED") || state.equals("ABORTED")) {
          if (!plain) {
            System.out.println();
          }
          return state.equals("COMPLETED");
        }
        Thread.sleep(LOOK_MILLIS);
      }
    }
  }

  private static List<AttributedString> fit(List<AttributedString> lines, Terminal terminal) {
    int width = Math.max(20, terminal.getWidth());
    int height = Math.max(5, terminal.getHeight() - 1);
    return lines.stream().limit(height).map(line -> line.columnSubSequence(0, width)).toList();
  }

  private void printChanges(JsonObject plan) {
    List<String> now = asText(plan);
    for (String line : now) {
      if (!told.contains(line)) {
        System.out.println(line);
      }
    }
    told = now;
  }

  private JsonObject status() throws IOException, InterruptedException {
    long begun = System.nanoTime();
    while (true) {
      IOException last = null;
      for (String url : urls) {
        try {
          return send(HttpRequest.newBuilder(URI.create(url + "/cluster/status")));
        } catch (IOException e) {
          last = e;
        }
      }
      if (System.nanoTime() - begun > PATIENCE_MILLIS * 1_000_000) {
        throw last;
      }
      Thread.sleep(LOOK_MILLIS);
    }
  }

  private JsonObject send(HttpRequest.Builder request) throws IOException, InterruptedException {
    return new JsonObject(
        http.send(request.timeout(Duration.ofSeconds(30)).build(), BodyHandlers.ofString()).body());
  }

  private static List<String> asText(JsonObject plan) {
    List<String> lines = new ArrayList<>();
    for (Object each : plan.getJsonArray("steps")) {
      JsonObject step = (JsonObject) each;
      lines.add(step.getString("node") + " " + step.getString("phase"));
    }
    String reason = plan.getString("reason");
    lines.add("plan " + plan.getString("state") + (reason == null ? "" : ": " + reason));
    return lines;
  }
}
