package io.goagain.cli;

import static java.util.concurrent.TimeUnit.SECONDS;

import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.SocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;

/** A control socket with answers that were made up. */
final class StubService implements AutoCloseable {

  /** What a test waits for is there long before. */
  static final int PATIENCE_SECONDS = 30;

  /**
   * What was asked.
   *
   * @param body null for none
   */
  record Received(String line, String host, String body) {}

  private final Vertx vertx = Vertx.vertx();
  private final Map<String, Handler<HttpServerRequest>> answers = new ConcurrentHashMap<>();
  private final List<Received> received = new CopyOnWriteArrayList<>();
  private final BlockingQueue<HttpServerResponse> streams = new LinkedBlockingQueue<>();
  private final HttpServer server;

  StubService(Path socket) throws Exception {
    server = vertx.createHttpServer().requestHandler(this::handle);
    await(server.listen(SocketAddress.domainSocketAddress(socket.toString())));
  }

  private void handle(HttpServerRequest request) {
    String line = request.method() + " " + request.uri();
    request
        .body()
        .onSuccess(
            body -> {
              String text = body.length() == 0 ? null : body.toString();
              received.add(new Received(line, request.getHeader("Host"), text));
              Handler<HttpServerRequest> answer = answers.get(line);
              if (answer == null) {
                request.response().setStatusCode(404).end("no such thing");
              } else {
                answer.handle(request);
              }
            });
  }

  /** For requests with this method and URI. */
  StubService on(String line, Handler<HttpServerRequest> answer) {
    answers.put(line, answer);
    return this;
  }

  StubService answer(String line, int status, JsonObject body) {
    return on(line, request -> request.response().setStatusCode(status).end(body.toBuffer()));
  }

  /** Serves GET /events. */
  StubService withEvents() {
    return on(
        "GET /events",
        request -> {
          HttpServerResponse stream = request.response().setChunked(true);
          stream.putHeader("Content-Type", "text/event-stream");
          stream.write(": here\n\n");
          streams.add(stream);
        });
  }

  /** The next connection that asked for events. */
  HttpServerResponse stream() throws InterruptedException {
    HttpServerResponse stream = streams.poll(PATIENCE_SECONDS, SECONDS);
    if (stream == null) {
      throw new AssertionError("nobody asked for events");
    }
    return stream;
  }

  static JsonObject event(String type, int generation) {
    return new JsonObject()
        .put("type", type)
        .put("generation", generation)
        .put("pid", 1000 + generation)
        .put("at", "2026-01-02T03:04:05Z");
  }

  static void send(HttpServerResponse stream, JsonObject event) {
    stream.write("event: " + event.getString("type") + "\ndata: " + event.encode() + "\n\n");
  }

  List<Received> received() {
    return received;
  }

  static <T> T await(Future<T> future) throws Exception {
    return future.toCompletionStage().toCompletableFuture().get(PATIENCE_SECONDS, SECONDS);
  }

  /** Ends its connections, and its socket file is gone. */
  @Override
  public void close() {
    try {
      await(server.close());
      await(vertx.close());
    } catch (Exception e) {
      throw new AssertionError("the stub does not close", e);
    }
  }
}
