package io.goagain.examples.handover;

import io.goagain.Generation;
import io.goagain.GoAgainServerFactory;
import io.goagain.Handover;
import io.goagain.ListenOptions;
import io.goagain.RestartOptions;
import io.goagain.examples.Arguments;
import io.goagain.examples.Service;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.ServerWebSocket;
import io.vertx.core.net.NetServerOptions;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What an application can do at a handover: TCP connections that move with their state ({@code
 * --chat PORT}), WebSockets that finish their conversation ({@code --port}, path /ws), a counter
 * that goes from generation to generation (GET /count), and a clock that ticks in one process at a
 * time (GET /ticks).
 */
public final class HandoverExample {

  private final Vertx vertx = Vertx.vertx();
  private final GoAgainServerFactory servers = GoAgainServerFactory.create(vertx);
  private final Set<ServerWebSocket> webSockets = ConcurrentHashMap.newKeySet();
  private final AtomicLong count = new AtomicLong();
  private final AtomicLong ticks = new AtomicLong();
  private long timer = -1;

  private HandoverExample() {}

  /** Starts it, and returns. */
  public static void run(Arguments arguments) {
    arguments.allow(Set.of("port", "chat"));
    RestartOptions options = Service.begin(arguments);
    new HandoverExample().start(arguments, options);
  }

  private void start(Arguments arguments, RestartOptions options) {
    Chat chat = new Chat();
    HttpServerOptions http = new HttpServerOptions().setPort(arguments.number("port", 8080));
    NetServerOptions tcp = new NetServerOptions().setPort(arguments.number("chat", 7000));
    takePartInHandover();
    Future<?> deployed =
        servers
            .drainHandler("public", this::sayGoodbye)
            .deployHttpServer(
                "public",
                http.setHost("127.0.0.1"),
                new ListenOptions(),
                server -> server.requestHandler(this::handle).webSocketHandler(this::handle))
            .compose(
                id ->
                    servers.deployNetServer(
                        "chat", tcp.setHost("127.0.0.1"), new ListenOptions(), chat, chat));
    Service.start(vertx, deployed, options);
  }

  private void takePartInHandover() {
    Handover handover = Handover.of(vertx);
    handover.offer(
        "count/1", () -> Future.succeededFuture(Buffer.buffer().appendLong(count.get())));
    handover
        .claim("count/1")
        .onSuccess(state -> count.addAndGet(state == null ? 0 : state.getLong(0)));
    handover.own(
        () -> timer = vertx.setPeriodic(10, id -> ticks.incrementAndGet()),
        () -> {
          vertx.cancelTimer(timer);
          return Future.succeededFuture();
        });
  }

  /** The application's last word; after it the library closes with 1012. */
  private Future<?> sayGoodbye() {
    Promise<Void> said = Promise.promise();
    webSockets.forEach(webSocket -> webSocket.writeTextMessage("goodbye"));
    vertx.setTimer(100, id -> said.complete());
    return said.future();
  }

  private void handle(ServerWebSocket webSocket) {
    webSockets.add(webSocket);
    webSocket.closeHandler(v -> webSockets.remove(webSocket));
    webSocket.textMessageHandler(
        text -> webSocket.writeTextMessage("%s %d".formatted(text, Generation.current().number())));
  }

  private void handle(HttpServerRequest request) {
    switch (request.path()) {
      case "/count" -> request.response().end(count.incrementAndGet() + "\n");
      case "/ticks" ->
          request.response().end(ticks.get() + " " + Generation.current().number() + "\n");
      default -> Service.answer(vertx, request);
    }
  }
}
