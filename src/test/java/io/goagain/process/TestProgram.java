package io.goagain.process;

import io.goagain.Generation;
import io.goagain.GoAgainServerFactory;
import io.goagain.ListenOptions;
import io.goagain.RestartMessages;
import io.goagain.RestartOptions;
import io.goagain.RestartVerticle;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.ReplyException;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.SocketAddress;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;

/**
 * A service with an application that a test brings along, its {@link Part}: the HTTP server
 * "public" on {@code --host} and {@code --port} and, if asked for, on the Unix socket {@code
 * --unix}; "admin" on {@code --admin}, as in the example "single"; and RestartVerticle with {@code
 * --options}, whose events it prints. With {@code --control-socket} it takes over first.
 */
final class TestProgram {
  /** An application; one is made in each process. */
  interface Part {
    default HttpServerOptions http() {
      return new HttpServerOptions();
    }

    default ListenOptions listen() {
      return new ListenOptions();
    }

    /** On the context that deploys the servers, before it does. */
    default void prepare(Vertx vertx, GoAgainServerFactory servers) {}

    /** Before a server listens. */
    default void configure(HttpServer server) {}

    /** Before RestartVerticle is deployed. */
    default void beforeReady(RestartVerticle verticle) {}

    /** Answers what the program itself does not know. */
    default void handle(HttpServerRequest request) {
      request.response().setStatusCode(404).end();
    }
  }

  private final Map<String, String> arguments = new HashMap<>();
  private final RestartOptions options;
  private final Vertx vertx;
  private final GoAgainServerFactory servers;
  private final Part part;

  private TestProgram(String[] args) throws ReflectiveOperationException {
    for (int i = 0; i < args.length; i += 2) {
      arguments.put(args[i].substring(2), args[i + 1]);
    }
    options = new RestartOptions(new JsonObject(arguments.get("options")));
    if (arguments.containsKey("control-socket")) {
      options.setControlSocket(arguments.get("control-socket"));
      RestartVerticle.takeOver(options);
    }
    vertx = Vertx.vertx();
    servers = GoAgainServerFactory.create(vertx);
    part =
        Class.forName(arguments.get("part"))
            .asSubclass(Part.class)
            .getDeclaredConstructor()
            .newInstance();
  }

  /** Starts this with an application. */
  static SingleApp.Starter starter(Class<? extends Part> part) throws IOException {
    return SingleApp.starter().program(TestProgram.class).arguments("--part", part.getName());
  }

  /** Runs until it is stopped, or replaced. */
  public static void main(String[] args) throws ReflectiveOperationException {
    TestProgram program = new TestProgram(args);
    program.vertx.runOnContext(v -> program.start());
  }

  /** Prints a line, after the number of the generation. */
  static void say(String format, Object... values) {
    // In one piece: the generations share this stream.
    System.out.println(
        "generation " + Generation.current().number() + ": " + format.formatted(values));
  }

  /** The number of this one. */
  static int generation() {
    return Generation.current().number();
  }

  private void start() {
    vertx
        .eventBus()
        .<JsonObject>localConsumer(
            RestartMessages.EVENTS, event -> say("event %s", event.body().encode()));
    part.prepare(vertx, servers);
    deployServers()
        .compose(
            deployed -> {
              RestartVerticle verticle = new RestartVerticle(options);
              part.beforeReady(verticle);
              return vertx.deployVerticle(verticle);
            })
        .compose(deployed -> ask("/status", null))
        .onComplete(
            status -> {
              System.out.println(
                  "ready generation=%d pid=%d"
                      .formatted(Generation.current().number(), Generation.current().pid()));
              for (Object listener : status.getJsonArray("listeners")) {
                JsonObject json = (JsonObject) listener;
                System.out.println(
                    "listening " + json.getString("name") + " " + json.getString("address"));
              }
            },
            failure -> {
              System.err.println("could not start: " + failure);
              System.exit(1);
            });
  }

  private Future<?> deployServers() {
    HttpServerOptions tcp = part.http().setHost(arguments.get("host")).setPort(number("port"));
    Future<?> deployed = deploy("public", tcp, part.listen());
    if (arguments.containsKey("unix")) {
      SocketAddress path = SocketAddress.domainSocketAddress(arguments.get("unix"));
      deployed =
          deployed.compose(id -> deploy("unix", part.http(), part.listen().setAddress(path)));
    }
    if (!arguments.containsKey("admin")) {
      return deployed;
    }
    HttpServerOptions admin = new HttpServerOptions().setHost("127.0.0.1").setPort(number("admin"));
    return deployed.compose(id -> servers.deployHttpServer("admin", admin, this::administrate));
  }

  private int number(String argument) {
    return Integer.parseInt(arguments.get(argument));
  }

  private Future<String> deploy(String name, HttpServerOptions http, ListenOptions listen) {
    return servers.deployHttpServer(
        name,
        http,
        listen,
        server -> {
          part.configure(server);
          server.requestHandler(this::handle);
        });
  }

  private void handle(HttpServerRequest request) {
    switch (request.path()) {
      case "/" ->
          request
              .response()
              .end(
                  "hello generation=%d pid=%d\n"
                      .formatted(Generation.current().number(), Generation.current().pid()));
      case "/echo" -> request.body().onSuccess(body -> request.response().end(body));
      case "/status" -> administrate(request);
      default -> part.handle(request);
    }
  }

  private void administrate(HttpServerRequest request) {
    request
        .body()
        .compose(body -> ask(request.path(), body.length() == 0 ? null : body.toJsonObject()))
        .onComplete(
            reply -> request.response().end(reply.encode()),
            failure -> {
              int code = failure instanceof ReplyException e ? e.failureCode() : 0;
              JsonObject why =
                  new JsonObject().put("code", code).put("message", failure.getMessage());
              request.response().setStatusCode(500).end(why.encode());
            });
  }

  private Future<JsonObject> ask(String path, JsonObject body) {
    return vertx
        .eventBus()
        .<JsonObject>request("goagain." + path.substring(1), body)
        .map(reply -> reply.body());
  }
}
