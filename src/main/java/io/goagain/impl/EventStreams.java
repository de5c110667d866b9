package io.goagain.impl;

import io.goagain.RestartMessages;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.MessageConsumer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.json.JsonObject;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** {@code goagain.events} as server-sent events (HTML standard, section 9.2). */
final class EventStreams {

  private static final long KEEP_ALIVE_MILLIS = 15_000;

  private final Vertx vertx;
  private final Set<HttpServerResponse> streams = ConcurrentHashMap.newKeySet();
  private MessageConsumer<JsonObject> consumer;

  EventStreams(Vertx vertx) {
    this.vertx = vertx;
  }

  void add(HttpServerRequest request) {
    if (consumer == null) {
      consumer =
          vertx
              .eventBus()
              .localConsumer(RestartMessages.EVENTS, message -> send(event(message.body())));
      vertx.setPeriodic(KEEP_ALIVE_MILLIS, id -> send(": still here\n\n"));
    }
    HttpServerResponse stream = request.response();
    stream
        .putHeader("Content-Type", "text/event-stream")
        .putHeader("Cache-Control", "no-store")
        .setChunked(true)
        .closeHandler(closed -> streams.remove(stream))
        .write(": events of this generation\n\n");
    streams.add(stream);
  }

  private static String event(JsonObject event) {
    return "event: %s\ndata: %s\n\n".formatted(event.getString("type"), event.encode());
  }

  private void send(String text) {
    for (HttpServerResponse stream : List.copyOf(streams)) {
      if (stream.writeQueueFull()) {
        // Who does not read shall not cost memory.
        streams.remove(stream);
        stream.reset();
      } else {
        stream.write(text);
      }
    }
  }

  /** This generation has nothing more to tell; who wants to hear the next one asks again. */
  void end() {
    for (HttpServerResponse stream : List.copyOf(streams)) {
      streams.remove(stream);
      stream.end();
    }
  }
}
