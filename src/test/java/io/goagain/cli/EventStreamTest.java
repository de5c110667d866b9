package io.goagain.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EventStreamTest {

  private static final String STREAM =
      """
      : a comment

      event: one
      data: {"n":1,"text":"\u00e4\u20ac"}

      id: 4711
      data: {"n":
      data: 2}

      event: without data

      data: no JSON

      data:{"n":3}

      data: {"n":"cut"}
      """;

  /** However it is cut into reads, also within a character. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 5, 7, 1000})
  void isTakenApart(int size) {
    for (String text : List.of(STREAM, STREAM.replace("\n", "\r\n"))) {
      List<JsonObject> events = new ArrayList<>();
      EventStream stream = new EventStream(events::add);
      Buffer bytes = Buffer.buffer(text);
      for (int i = 0; i < bytes.length(); i += size) {
        stream.read(bytes.getBuffer(i, Math.min(i + size, bytes.length())));
      }
      assertEquals(
          List.of(
              new JsonObject().put("n", 1).put("text", "\u00e4\u20ac"),
              new JsonObject().put("n", 2),
              new JsonObject().put("n", 3)),
          events);
    }
  }
}
