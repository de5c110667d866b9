package io.goagain.examples.single;

import io.goagain.GoAgainServerFactory;
import io.goagain.ListenOptions;
import io.goagain.RestartMessages;
import io.goagain.RestartOptions;
import io.goagain.WarmUpRequest;
import io.goagain.examples.Arguments;
import io.goagain.examples.Service;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.ReplyException;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.NetServerOptions;
import io.vertx.core.net.PfxOptions;
import io.vertx.core.net.SocketAddress;
import java.util.List;
import java.util.Set;

/**
 * A service that restarts on SIGUSR2: HTTP on {@code --host} and {@code --port} and, if asked for,
 * on the Unix socket {@code --unix}; with {@code --tcp} an echo server; with {@code --tls} (a
 * PKCS#12 file, password "secret") HTTPS on that port; with {@code --admin} a port for requests to
 * the event-bus addresses of RestartVerticle, whose options are {@code --options}, in JSON. With
 * {@code --warm-up} a successor sends itself {@code GET /} before it is ready. {@code --archive} is
 * a directory for class-data archives.
 */
public final class Single {

  private final Vertx vertx = Vertx.vertx();
  private final Arguments arguments;
  private final GoAgainServerFactory servers = GoAgainServerFactory.create(vertx);

  private Single(Arguments arguments) {
    this.arguments = arguments;
  }

  /** Starts it, and returns. */
  public static void run(Arguments arguments) {
    arguments.allow(
        Set.of(
            "host",
            "port",
            "unix",
            "tcp",
            "tls",
            "keystore",
            "admin",
            "instances",
            "archive",
            "warm-up"));
    RestartOptions options = Service.begin(arguments);
    if (arguments.has("archive")) {
      options.setArchiveDirectory(arguments.get("archive", null));
    }
    if (arguments.has("warm-up")) {
      options.getWarmUp().setRequests(List.of(new WarmUpRequest()));
    }
    Single single = new Single(arguments);
    Service.start(single.vertx, single.deployServers(), options);
  }

  private Future<?> deployServers() {
    String host = arguments.get("host", "127.0.0.1");
    ListenOptions shared = new ListenOptions().setInstances(arguments.number("instances", 1));
    Future<?> deployed =
        servers.deployHttpServer(
            "public",
            new HttpServerOptions().setHost(host).setPort(arguments.number("port", 8080)),
            shared,
            server -> server.requestHandler(this::handle));
    if (arguments.has("unix")) {
      ListenOptions unix =
          new ListenOptions()
              .setAddress(SocketAddress.domainSocketAddress(path(arguments.get("unix", null))));
      deployed =
          deployed.compose(
              id ->
                  servers.deployHttpServer(
                      "unix",
                      new HttpServerOptions(),
                      unix,
                      server -> server.requestHandler(this::handle)));
    }
    if (arguments.has("tls")) {
      HttpServerOptions tls =
          new HttpServerOptions()
              .setHost(host)
              .setPort(arguments.number("tls", 8443))
              .setSsl(true)
              .setUseAlpn(true)
              .setKeyCertOptions(
                  new PfxOptions()
                      .setPath(arguments.get("keystore", "keystore.p12"))
                      .setPassword("secret"));
      deployed = deployed.compose(id -> servers.deployHttpServer("tls", tls, this::handle));
    }
    if (arguments.has("tcp")) {
      NetServerOptions tcp =
          new NetServerOptions().setHost(host).setPort(arguments.number("tcp", 7));
      deployed =
          deployed.compose(
              id -> servers.deployNetServer("echo", tcp, socket -> socket.pipe().to(socket)));
    }
    if (arguments.has("admin")) {
      HttpServerOptions admin =
          new HttpServerOptions().setHost("127.0.0.1").setPort(arguments.number("admin", 8081));
      deployed =
          deployed.compose(id -> servers.deployHttpServer("admin", admin, this::administrate));
    }
    return deployed;
  }

  /** As ss(8) and systemd write it, a leading @ stands for the NUL of an abstract name. */
  private static String path(String path) {
    return path.startsWith("@") ? "\0" + path.substring(1) : path;
  }

  private void handle(HttpServerRequest request) {
    Service.answer(vertx, request);
  }

  private void administrate(HttpServerRequest request) {
    if (request.path().equals("/stop")) {
      // Answered first: a stop waits for the requests in flight, and this is one.
      request
          .response()
          .end(new JsonObject().put("stopping", true).encodePrettily() + "\n")
          .onComplete(sent -> vertx.eventBus().send(RestartMessages.STOP, null));
      return;
    }
    request
        .body()
        .compose(
            body ->
                vertx
                    .eventBus()
                    .<JsonObject>request(
                        "goagain." + request.path().substring(1),
                        body.length() == 0 ? null : body.toJsonObject(),
                        new DeliveryOptions().setSendTimeout(120_000)))
        .onComplete(
            reply -> request.response().end(reply.body().encodePrettily() + "\n"),
            failure -> {
              int code = failure instanceof ReplyException e ? e.failureCode() : 0;
              request
                  .response()
                  .setStatusCode(500)
                  .end(
                      new JsonObject()
                              .put("code", code)
                              .put("message", failure.getMessage())
                              .encodePrettily()
                          + "\n");
            });
  }
}
