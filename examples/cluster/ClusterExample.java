package io.goagain.examples.cluster;

import com.hazelcast.config.Config;
import com.hazelcast.config.XmlConfigBuilder;
import io.goagain.Generation;
import io.goagain.GoAgainServerFactory;
import io.goagain.RestartOptions;
import io.goagain.RestartVerticle;
import io.goagain.cluster.ClusterMessages;
import io.goagain.cluster.ClusterOptions;
import io.goagain.cluster.ClusterVerticle;
import io.goagain.cluster.GoAgainClusterManager;
import io.goagain.examples.Arguments;
import io.goagain.examples.Service;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.Message;
import io.vertx.core.eventbus.ReplyException;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;

/**
 * A node of a cluster: HTTP on {@code --host} and {@code --port}, and an event-bus service that any
 * node may be asked for. {@code GET /ask?id=N} asks it; {@code GET /cluster/status} and {@code POST
 * /cluster/restart} and {@code /cluster/abort} ask for what {@link ClusterMessages} tells of.
 * {@code --hazelcast} is a configuration, by default {@code conf/hazelcast.xml}; {@code --name} the
 * node's name; {@code --release} its version; {@code --journal} a file to which the service appends
 * the id of each request that it handles. With {@code --fail-if FILE} it does not start if there is
 * such a file.
 */
public final class ClusterExample {

  private static final String SERVICE = "example.service";

  private final Vertx vertx;
  private final Arguments arguments;

  private ClusterExample(Vertx vertx, Arguments arguments) {
    this.vertx = vertx;
    this.arguments = arguments;
  }

  /** Starts it, and returns. */
  public static void run(Arguments arguments) {
    arguments.allow(Set.of("host", "port", "hazelcast", "name", "release", "journal", "fail-if"));
    RestartOptions options = Service.begin(arguments);
    GoAgainClusterManager manager = new GoAgainClusterManager(configuration(arguments));
    Vertx.builder()
        .withClusterManager(manager)
        .buildClustered()
        .onSuccess(vertx -> new ClusterExample(vertx, arguments).start(manager, options))
        .onFailure(Service::failed);
  }

  private static Config configuration(Arguments arguments) {
    try {
      return new XmlConfigBuilder(arguments.get("hazelcast", "conf/hazelcast.xml")).build();
    } catch (IOException e) {
      throw new UncheckedIOException(e.toString(), e);
    }
  }

  private void start(GoAgainClusterManager manager, RestartOptions options) {
    RestartVerticle restart = new RestartVerticle(options);
    ClusterVerticle cluster =
        new ClusterVerticle(
            manager,
            new ClusterOptions()
                .setNode(arguments.get("name", null))
                .setVersion(arguments.get("release", null)),
            restart);
    Service.start(
        vertx,
        deploy().compose(deployed -> works()),
        restart,
        // After RestartVerticle: it tells the cluster that this node serves.
        () -> vertx.deployVerticle(cluster));
  }

  private Future<?> deploy() {
    return vertx
        .eventBus()
        .consumer(SERVICE, this::serve)
        .completion()
        .compose(
            registered ->
                GoAgainServerFactory.create(vertx)
                    .deployHttpServer(
                        "public",
                        new HttpServerOptions()
                            .setHost(arguments.get("host", "127.0.0.1"))
                            .setPort(arguments.number("port", 8081)),
                        this::handle));
  }

  /** As a version that is broken. */
  private Future<?> works() {
    String file = arguments.get("fail-if", null);
    return file != null && Files.exists(Path.of(file))
        ? Future.failedFuture("this version is broken: " + file)
        : Future.succeededFuture();
  }

  private void serve(Message<String> message) {
    if (!arguments.has("journal")) {
      message.reply(answer(message.body()));
      return;
    }
    vertx
        .executeBlocking(
            () ->
                Files.writeString(
                    Path.of(arguments.get("journal", null)),
                    message.body() + "\n",
                    StandardCharsets.US_ASCII,
                    StandardOpenOption.CREATE,
                    StandardOpenOption.APPEND),
            false)
        .onComplete(
            written -> message.reply(answer(message.body())),
            failure -> message.fail(1, failure.toString()));
  }

  private static String answer(String id) {
    Generation own = Generation.current();
    return "answer %s generation=%d pid=%d\n".formatted(id, own.number(), own.pid());
  }

  private void handle(HttpServerRequest request) {
    switch (request.path()) {
      case "/ask" ->
          answer(
              request,
              vertx
                  .eventBus()
                  .<String>request(SERVICE, request.getParam("id", "0"))
                  .map(Message::body));
      case "/cluster/status" -> answer(request, ask(ClusterMessages.STATUS, null));
      case "/cluster/restart", "/cluster/abort" -> {
        if (!request.method().equals(HttpMethod.POST)) {
          request.response().setStatusCode(405).end();
          return;
        }
        String address =
            request.path().endsWith("/abort") ? ClusterMessages.ABORT : ClusterMessages.RESTART;
        answer(
            request,
            request
                .body()
                .compose(body -> ask(address, body.length() == 0 ? null : body.toJsonObject())));
      }
      default -> Service.answer(vertx, request);
    }
  }

  private Future<String> ask(String address, JsonObject body) {
    return vertx
        .eventBus()
        .<JsonObject>request(address, body, new DeliveryOptions().setLocalOnly(true))
        .map(reply -> reply.body().encodePrettily() + "\n");
  }

  private static void answer(HttpServerRequest request, Future<String> answer) {
    answer.onComplete(
        text -> request.response().end(text),
        failure ->
            request
                .response()
                .setStatusCode(500)
                .end(
                    new JsonObject()
                            .put("code", failure instanceof ReplyException e ? e.failureCode() : 0)
                            .put("message", failure.getMessage())
                            .encodePrettily()
                        + "\n"));
  }
}
