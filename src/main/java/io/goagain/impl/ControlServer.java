package io.goagain.impl;

import static java.lang.System.Logger.Level.WARNING;

import io.goagain.RestartFailure;
import io.goagain.RestartOptions;
import io.goagain.impl.net.ControlAccess;
import io.goagain.impl.net.ListenerSettings;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.SocketAddress;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * The control API: HTTP/1.1 with JSON on a Unix socket, that of the option {@code controlSocket}.
 * On the restarter's context.
 */
final class ControlServer {

  private static final System.Logger LOG = System.getLogger(ControlServer.class.getName());

  private static final int MAX_BODY = 1 << 16;
  private static final long BODY_MILLIS = 10_000;

  /** Of a connection on which no request is open, or no whole one has come. */
  private static final long IDLE_MILLIS = 120_000;

  private static final long SWEEP_MILLIS = 10_000;

  private static final Map<String, HttpMethod> ROUTES =
      Map.of(
          "/status", HttpMethod.GET,
          "/restart", HttpMethod.POST,
          "/stop", HttpMethod.POST,
          "/history", HttpMethod.GET,
          "/events", HttpMethod.GET,
          "/metrics", HttpMethod.GET,
          "/takeover", HttpMethod.GET);

  /** What happens on a connection. */
  private static final class Activity {
    private int open;
    private long since = System.nanoTime();
  }

  private final Vertx vertx;
  private final RestartOptions options;
  private final RestartService service;
  private final Restarter restarter;
  private final TakeoverDesk takeovers;
  private final EventStreams events;
  private final Map<HttpConnection, Activity> connections = new HashMap<>();
  private HttpServer server;

  ControlServer(Vertx vertx, RestartOptions options, RestartService service, Restarter restarter) {
    this.vertx = vertx;
    this.options = options;
    this.service = service;
    this.restarter = restarter;
    this.takeovers = new TakeoverDesk(vertx, restarter);
    this.events = new EventStreams(vertx);
  }

  /** On the context of a verticle, which closes it. */
  Future<?> listen(String path) {
    Context context = vertx.getOrCreateContext();
    return vertx
        .executeBlocking(
            () -> {
              ControlSocket.prepare(options, path, ThisProcess.get().listeners());
              return null;
            },
            false)
        .compose(
            prepared -> {
              ListenerSettings.control(ControlAccess.of(options.getControlSocketUsers()))
                  .applyTo(context);
              server =
                  vertx
                      .createHttpServer(new HttpServerOptions().setHttp2ClearTextEnabled(false))
                      .connectionHandler(this::connected)
                      .exceptionHandler(failure -> {}) // of a connection: its own affair
                      .requestHandler(this::handle);
              vertx.setPeriodic(SWEEP_MILLIS, id -> closeIdle());
              return server.listen(SocketAddress.domainSocketAddress(path));
            });
  }

  /** Ends what would go on as long as this process does. */
  void end() {
    events.end();
  }

  private void connected(HttpConnection connection) {
    connections.put(connection, new Activity());
    connection.closeHandler(closed -> connections.remove(connection));
  }

  private void closeIdle() {
    long now = System.nanoTime();
    for (Map.Entry<HttpConnection, Activity> entry : Map.copyOf(connections).entrySet()) {
      Activity activity = entry.getValue();
      if (activity.open == 0 && now - activity.since > TimeUnit.MILLISECONDS.toNanos(IDLE_MILLIS)) {
        entry.getKey().close();
      }
    }
  }

  private void handle(HttpServerRequest request) {
    Activity activity = connections.getOrDefault(request.connection(), new Activity());
    activity.open++;
    request
        .response()
        .endHandler(
            ended -> {
              activity.open--;
              activity.since = System.nanoTime();
            });
    Buffer body = Buffer.buffer();
    long timer =
        vertx.setTimer(
            BODY_MILLIS,
            id ->
                refuse(
                    request,
                    408,
                    "INVALID_REQUEST",
                    "The body did not come within %d ms.".formatted(BODY_MILLIS)));
    request.exceptionHandler(failure -> vertx.cancelTimer(timer));
    request.handler(
        piece -> {
          if (body.length() <= MAX_BODY) {
            body.appendBuffer(piece);
          }
          if (body.length() > MAX_BODY) {
            vertx.cancelTimer(timer);
            refuse(
                request,
                413,
                "INVALID_REQUEST",
                "The body is longer than %d bytes.".formatted(MAX_BODY));
          }
        });
    request.endHandler(
        end -> {
          vertx.cancelTimer(timer);
          if (!request.response().ended()) {
            answer(request, body);
          }
        });
  }

  /** Without reading on. */
  private static void refuse(HttpServerRequest request, int status, String code, String message) {
    HttpServerResponse response = request.response();
    if (response.ended()) {
      return;
    }
    response.putHeader("Connection", "close");
    json(response.setStatusCode(status), problem(code, message))
        .onComplete(sent -> request.connection().close());
  }

  private void answer(HttpServerRequest request, Buffer body) {
    HttpServerResponse response = request.response();
    try {
      route(request, body);
    } catch (IllegalArgumentException | DecodeException | ClassCastException e) {
      fail(response, new RestartException(RestartFailure.INVALID_REQUEST, e.getMessage()));
    } catch (RuntimeException e) {
      LOG.log(WARNING, "the control socket could not answer " + request.path(), e);
      fail(response, e);
    }
  }

  private void route(HttpServerRequest request, Buffer body) {
    HttpServerResponse response = request.response();
    String path = request.path() == null ? "" : request.path();
    HttpMethod method = ROUTES.get(path);
    if (method == null) {
      json(
          response.setStatusCode(404),
          problem(
              "NOT_FOUND",
              "There is no such path; there are "
                  + String.join(", ", ROUTES.keySet().stream().sorted().toList())
                  + "."));
      return;
    }
    if (!request.method().equals(method)) {
      response.putHeader("Allow", method.name());
      json(
          response.setStatusCode(405),
          problem("METHOD_NOT_ALLOWED", "%s is asked for by %s.".formatted(path, method)));
      return;
    }
    switch (path) {
      case "/status" -> json(response, restarter.status());
      case "/history" -> json(response, new JsonObject().put("restarts", restarter.history()));
      case "/metrics" ->
          response
              .putHeader("Content-Type", PrometheusText.CONTENT_TYPE)
              .end(PrometheusText.of(restarter.vitals()));
      case "/events" -> events.add(request);
      case "/stop" ->
          restarter
              .stop()
              .onComplete(
                  report -> json(response, report.toJson()), failure -> fail(response, failure));
      case "/restart" -> restart(request, body);
      default -> takeOver(request);
    }
  }

  private void restart(HttpServerRequest request, Buffer body) {
    HttpServerResponse response = request.response();
    String wait = request.getParam("wait", "ready");
    if (!Set.of("ready", "drained", "no").contains(wait)) {
      throw new IllegalArgumentException("wait is one of ready, drained and no.");
    }
    JsonObject asked = body.length() == 0 ? null : new JsonObject(body);
    Future<JsonObject> outcome = service.restart(asked);
    if (wait.equals("no") && !outcome.failed()) {
      json(response.setStatusCode(202), new JsonObject().put("accepted", true));
      return;
    }
    if (wait.equals("drained")) {
      outcome =
          outcome.compose(
              done ->
                  restarter.handedOverAll().map(report -> done.put("drained", report.toJson())));
    }
    outcome.onComplete(done -> json(response, done), failure -> fail(response, failure));
  }

  private void takeOver(HttpServerRequest request) {
    HttpServerResponse response = request.response();
    if (!TakeoverDesk.isAsked(request)) {
      throw new IllegalArgumentException(
          "A takeover is asked for by a process that starts, not by hand.");
    }
    RestartException objection = restarter.objection();
    if (objection != null) {
      fail(response, objection);
    } else if (takeovers.isFull()) {
      json(
          response.setStatusCode(503),
          problem("BUSY", "Too many processes ask to take over at once: try again."));
    } else {
      takeovers.upgrade(request);
    }
  }

  private static void fail(HttpServerResponse response, Throwable failure) {
    RestartFailure reason =
        failure instanceof RestartException known ? known.failure() : RestartFailure.INTERNAL;
    int status =
        switch (reason) {
          case INVALID_REQUEST -> 400;
          case IN_PROGRESS, STOPPING, NOT_SERVING -> 409;
          case INTERNAL -> 500;
          case NOT_SUPPORTED -> 501;
          default -> 502;
        };
    json(
        response.setStatusCode(status),
        problem(
            reason.name(),
            reason == RestartFailure.INTERNAL ? failure.toString() : failure.getMessage()));
  }

  private static JsonObject problem(String code, String message) {
    return new JsonObject().put("code", code).put("message", message);
  }

  private static Future<Void> json(HttpServerResponse response, JsonObject body) {
    if (response.closed() || response.ended()) {
      return Future.succeededFuture();
    }
    return response.putHeader("Content-Type", "application/json").end(body.encode() + "\n");
  }
}
