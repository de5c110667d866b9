package io.goagain.process;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.load.Load;
import io.goagain.load.Report;
import io.goagain.process.AppProcess.Generation;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The jar of the command line, against a service under load. */
@Timeout(300)
class CommandLineIT {

  private record Result(int code, String out, String err) {}

  @Test
  void restartsTellsAndStops() throws Exception {
    SingleApp.Starter starter = SingleApp.starter();
    ControlClient control = ControlClient.of(starter);
    String socket = control.path().toString();
    try (SingleApp app = starter.start();
        Clients clients = new Clients()) {
      Load load = app.load();
      Generation first = app.process().newest();

      Result broken = run("restart", "--socket", socket, "--", "/no/such/program");
      assertEquals(1, broken.code(), broken::toString);
      assertTrue(broken.err().contains("/no/such/program"), broken::toString);

      Result restarted = run("restart", "--pid", "" + first.pid(), "--json", "--wait", "drained");
      assertEquals(0, restarted.code(), restarted::toString);
      JsonObject outcome = new JsonObject(restarted.out());
      Generation second = app.handedOver(first);
      assertEquals(second.pid(), outcome.getLong("pid"));
      assertTrue(outcome.getJsonObject("drained").getInteger("moved") > 0, restarted::toString);

      Result status = run("status", "--socket", socket, "--json");
      assertEquals(0, status.code(), status::toString);
      assertEquals(2, new JsonObject(status.out()).getInteger("generation"));
      Result history = run("history", "--socket", socket);
      assertEquals(0, history.code(), history::toString);
      assertTrue(history.out().contains("COMMAND_NOT_FOUND"), history::toString);

      Report report = load.stop();
      assertEquals(0, report.failed(), report::toString);

      Future<Result> watch = clients.start(command("watch", "--socket", socket, "--json"));
      Result stopped = run("stop", "--socket", socket);
      assertEquals(0, stopped.code(), stopped::toString);
      app.exited(second.pid(), 0);
      assertEquals(3, watch.get().code(), () -> "" + watch);
      Result gone = run("status", "--socket", socket);
      assertEquals(3, gone.code(), gone::toString);
      assertTrue(gone.err().contains(socket), gone::toString);
    }
  }

  private static Result run(String... arguments) throws Exception {
    return command(arguments).call();
  }

  private static Callable<Result> command(String... arguments) {
    Path jar = AppProcess.examples().resolveSibling("vertx-goagain.jar");
    List<String> command =
        new ArrayList<>(
            List.of(AppProcess.java(), "-XX:TieredStopAtLevel=1", "-jar", jar.toString()));
    command.addAll(List.of(arguments));
    return () -> {
      Process process = new ProcessBuilder(command).start();
      try (Clients readers = new Clients()) {
        Future<String> err = readers.start(() -> text(process.getErrorStream().readAllBytes()));
        String out = text(process.getInputStream().readAllBytes());
        return new Result(process.waitFor(), out, err.get());
      } finally {
        process.destroyForcibly();
      }
    };
  }

  private static String text(byte[] bytes) throws IOException {
    return new String(bytes, UTF_8);
  }
}
