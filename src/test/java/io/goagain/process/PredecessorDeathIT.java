package io.goagain.process;

import static io.goagain.process.SingleApp.assertNothingLost;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.load.Load;
import io.goagain.process.AppProcess.Generation;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A successor goes on alone, whenever its predecessor dies. */
@Timeout(300)
class PredecessorDeathIT {

  @Test
  void beforeReady() throws Exception {
    SingleApp.Starter starter = SingleApp.starter();
    Path unix = starter.directory().resolve("http.sock");
    try (SingleApp app = starter.arguments("--unix", unix.toString()).start();
        Gate gate = Gate.in(app)) {
      JsonArray command =
          new JsonArray().add("sh").add("-c").add(gate.await() + "; exec \"$@\"").add("sh");
      SingleApp.command(app.process().pid()).forEach(command::add);
      CompletableFuture<?> reply = app.restartLater(new JsonObject().put("command", command));
      long successor = app.spawned(2);
      app.process().kill9(app.process().pid());
      assertEquals(128 + 9, app.process().exitCode());
      Assertions.assertThrows(ExecutionException.class, reply::get);

      // Nobody accepts now, and nobody is refused: the listeners live in the successor.
      CompletableFuture<String> waiting = fetchLater(app, "public");
      CompletableFuture<String> waitingToo = fetchLater(app, "unix");
      gate.open();
      Generation second = app.process().awaitReady(2);
      assertEquals(successor, second.pid());
      String hello = "hello generation=2 pid=" + successor + "\n";
      assertEquals(hello, waiting.get());
      assertEquals(hello, waitingToo.get());
      app.log("generation 2: predecessor " + app.process().pid() + " is gone");
      assertEquals("SERVING", app.status().getString("state"));

      Load load = app.load();
      app.process().signal("USR2");
      app.handedOver(second);
      assertNothingLost(load, 2, 3);
      assertTrue(Files.exists(unix));
      app.awaitAlone(app.process().newest().pid());
    }
  }

  private static CompletableFuture<String> fetchLater(SingleApp app, String listener)
      throws IOException {
    // Connected, and in the kernel's queue, when this returns.
    Wire wire = Wire.open(app.address(listener)).send(Wire.get("/"));
    return CompletableFuture.supplyAsync(
        () -> {
          try (wire) {
            return wire.answer().body();
          } catch (IOException e) {
            throw new CompletionException(e);
          }
        });
  }

  @Test
  void whileItDrains() throws Exception {
    try (SingleApp app = SingleApp.start();
        Wire held = Wire.held(app.address("public"))) {
      Generation first = app.process().newest();
      Load before = app.load();
      app.process().signal("USR2");
      Generation second = app.process().awaitReady(2);
      assertNothingLost(before, 1, 2);
      // All its connections are to the successor.
      Load load = app.load();
      app.process().kill9(first.pid());
      assertEquals(128 + 9, app.process().exitCode());
      held.awaitEnd();
      app.log("generation 2: predecessor " + first.pid() + " is gone");
      app.process().signal("USR2");
      app.handedOver(second);
      assertNothingLost(load, 2, 3);
      app.awaitAlone(app.process().newest().pid());
    }
  }
}
