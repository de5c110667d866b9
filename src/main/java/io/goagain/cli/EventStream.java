package io.goagain.cli;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/** Takes server-sent events apart. Data that is no JSON object is left out. */
final class EventStream {

  private final Consumer<JsonObject> sink;
  private final Promise<Void> end = Promise.promise();
  private final StringBuilder data = new StringBuilder();
  private Buffer unread = Buffer.buffer();
  private volatile boolean gotSome;

  EventStream(Consumer<JsonObject> sink) {
    this.sink = sink;
  }

  /** Call it in the callback that brings the response: later, its first bytes would be gone. */
  void read(HttpClientResponse response) {
    response
        .handler(this::read)
        .exceptionHandler(failure -> end.tryComplete())
        .endHandler(v -> end.tryComplete());
  }

  /** Succeeds when the connection has ended, in whatever way. */
  Future<Void> end() {
    return end.future();
  }

  /** Whether at least one event came. */
  boolean gotSome() {
    return gotSome;
  }

  void read(Buffer bytes) {
    unread.appendBuffer(bytes);
    int start = 0;
    for (int i = unread.length() - bytes.length(); i < unread.length(); i++) {
      if (unread.getByte(i) == '\n') {
        int stop = i > start && unread.getByte(i - 1) == '\r' ? i - 1 : i;
        line(unread.getString(start, stop, StandardCharsets.UTF_8.name()));
        start = i + 1;
      }
    }
    unread = unread.getBuffer(start, unread.length());
  }

  private void line(String line) {
    if (line.isEmpty()) {
      dispatch();
    } else if (line.startsWith("data:")) {
      // The type is in the data as well.
      data.append(line, "data:".length(), line.length()).append('\n');
    }
  }

  private void dispatch() {
    if (data.isEmpty()) {
      return;
    }
    String text = data.toString();
    data.setLength(0);
    JsonObject event;
    try {
      event = new JsonObject(text);
    } catch (DecodeException e) {
      return;
    }
    gotSome = true;
    sink.accept(event);
  }
}
