package io.goagain.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vertx.core.json.JsonObject;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The control socket of this very process, and of others. */
@Timeout(60)
class PidTest {

  private static final JsonObject STATUS = new JsonObject().put("generation", 1).put("pid", 2);

  @TempDir Path directory;

  private static Run status(long pid) {
    return Run.of("status", "--json", "--pid", Long.toString(pid));
  }

  private static long own() {
    return ProcessHandle.current().pid();
  }

  @Test
  void isFoundAmongOthers() throws Exception {
    try (ServerSocketChannel silent = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        StubService other = new StubService(directory.resolve("other"));
        StubService control = new StubService(directory.resolve("control"))) {
      silent.bind(UnixDomainSocketAddress.of(directory.resolve("silent")));
      other.answer("GET /status", 200, new JsonObject().put("up", true));
      control.answer("GET /status", 200, STATUS);
      assertEquals(STATUS, status(own()).succeeded().document());
    }
  }

  @Test
  void isFoundIfItRefuses() throws Exception {
    Path path = directory.resolve("control");
    try (StubService control = new StubService(path)) {
      control.answer(
          "GET /status", 403, new JsonObject().put("code", "FORBIDDEN").put("message", "no"));
      status(own())
          .failed(
              3,
              "vertx-goagain status: could not read the status of process %d (%s): FORBIDDEN: no;"
                      .formatted(own(), path)
                  + " run this as the user of the service, or as root");
    }
  }

  @Test
  void isNotAmongItsSockets() throws Exception {
    Path path = directory.resolve("other");
    try (StubService other = new StubService(path)) {
      other.answer("GET /status", 200, new JsonObject().put("up", true));
      status(own())
          .failed(
              3,
              "vertx-goagain status: could not find the control socket of process %d: none of its"
                      .formatted(own())
                  + " sockets answered as one: "
                  + path
                  + " (answers, and not as a control socket); is it switched on?");
    }
  }

  @Test
  void aProcessWithoutSockets() throws Exception {
    Process cat = new ProcessBuilder("cat").start();
    try {
      Run run = status(cat.pid());
      assertTrue(run.err.text().contains("it listens on no Unix socket"), run.err::text);
    } finally {
      cat.destroyForcibly().waitFor();
    }
    Run gone = status(cat.pid());
    assertTrue(gone.err.text().contains("there is no such process"), gone.err::text);
  }
}
