package io.goagain.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.NetSocket;
import io.vertx.core.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Exit code 3, and a sentence. */
@Timeout(60)
class UnreachableTest {

  @TempDir Path directory;
  private Path socket;

  @BeforeEach
  void name() {
    socket = directory.resolve("s");
  }

  @ParameterizedTest
  @CsvSource({
    "restart, restart",
    "status, read the status of",
    "history, read the history of",
    "stop, stop"
  })
  void thereIsNoSocket(String command, String verb) {
    Run.of(command, "--socket", socket.toString())
        .failed(
            3,
            "vertx-goagain %s: could not %s the service at %s: there is no such file; is the"
                    .formatted(command, verb, socket)
                + " service running, and is this the path of its control socket?");
  }

  @Test
  void theFileIsNoSocket() throws Exception {
    Files.createFile(socket);
    status("that file is no socket; name the control socket of the service");
  }

  @Test
  void nobodyListensAnyMore() throws Exception {
    leaveSocketBehind();
    status("nobody listens on that socket any more (connection refused); is the service running?");
  }

  @Test
  void theSocketIsAnothersOwn() throws Exception {
    assumeFalse(System.getProperty("user.name").equals("root"), "root may connect to all");
    leaveSocketBehind();
    Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("---------"));
    status("permission denied; run this as the user of the service, or as root");
  }

  private void leaveSocketBehind() throws Exception {
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(socket));
    }
  }

  @Test
  void thePathIsTooLong() {
    socket = directory.resolve("x".repeat(120));
    status(
        "its path has %d bytes and the kernel takes 107; name it by a shorter one, such as a"
                .formatted(socket.toString().length())
            + " symbolic link");
  }

  @Test
  void theConnectionEndsBeforeTheAnswer() throws Exception {
    String reason =
        "the connection ended before the answer; look into the log of the service, and ask for its"
            + " status and history";
    serving(request -> request.handler(bytes -> request.close()), () -> status(reason));
    serving(NetSocket::close, () -> status(reason));
    serving(
        request ->
            request.handler(
                bytes ->
                    request
                        .write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
                        .onSuccess(v -> request.close())),
        () -> status(reason));
  }

  @Test
  void thereIsNoAnswer() throws Exception {
    serving(
        connection -> {},
        () -> {
          run(
              "status",
              "read the status of",
              "no answer within 0.2 s; is the service stopped or overloaded?");
          run(
              "restart",
              "restart",
              "no answer within 0.2 s; it may still be at it: ask for its status and history, and"
                  + " give it more with --timeout");
        });
  }

  @Test
  void whoAnswersDoesNotSpeakHttp() throws Exception {
    serving(
        connection -> connection.write("220 mail.example ESMTP\r\n"),
        () ->
            status(
                "what came is no answer of HTTP (invalid version format: 220); is this the socket"
                    + " of another server?"));
  }

  @Test
  void anotherServerAnswers() throws Exception {
    String foreign =
        ", and not as a control socket of GoAgain does it; is this the socket of another server?";
    try (StubService service = new StubService(socket)) {
      status("GET /status was answered with 404" + foreign);
      service.answer("GET /status", 200, new JsonObject().put("up", true));
      status("GET /status was answered with 200" + foreign);
      service.on("GET /status", request -> request.response().end("[1]"));
      status("GET /status was answered with 200" + foreign);
      service.on("GET /events", request -> request.response().end("{}"));
      run("watch", "watch", "GET /events was answered with 200" + foreign);
    }
  }

  @Test
  void theCredentialsDoNotSuffice() throws Exception {
    JsonObject forbidden =
        new JsonObject().put("code", "FORBIDDEN").put("message", "uid 5 may not");
    String reason = "FORBIDDEN: uid 5 may not; run this as the user of the service, or as root";
    try (StubService service = new StubService(socket)) {
      service
          .answer("GET /status", 403, forbidden)
          .answer("POST /stop", 403, forbidden)
          .answer("GET /events", 403, forbidden);
      status(reason);
      run("stop", "stop", reason);
      run("watch", "watch", reason);
    }
  }

  @Test
  void asJson() {
    Run run = Run.of("status", "--json", "--socket", socket.toString());
    assertEquals("UNREACHABLE", run.document().getString("code"));
    assertTrue(run.document().getString("message").contains("no such file"));
    assertEquals(1, run.err.all().size());
  }

  private interface Body {
    void run();
  }

  /** With somebody behind the socket who need not speak HTTP. */
  private void serving(Handler<NetSocket> handler, Body body) throws Exception {
    Vertx vertx = Vertx.vertx();
    try {
      StubService.await(
          vertx
              .createNetServer()
              .connectHandler(handler)
              .listen(SocketAddress.domainSocketAddress(socket.toString())));
      body.run();
    } finally {
      StubService.await(vertx.close());
    }
  }

  private void status(String reason) {
    Run.of("status", "--socket", socket.toString())
        .failed(
            3,
            "vertx-goagain status: could not read the status of the service at %s: %s"
                .formatted(socket, reason));
  }

  private void run(String command, String verb, String reason) {
    Run.of(command, "--timeout", "0.2", "--socket", socket.toString())
        .failed(
            3,
            "vertx-goagain %s: could not %s the service at %s: %s"
                .formatted(command, verb, socket, reason));
  }
}
