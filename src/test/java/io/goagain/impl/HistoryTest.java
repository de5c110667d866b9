package io.goagain.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class HistoryTest {
  private final History history = new History();

  private static JsonObject restart(int at, long pid, String outcome) {
    return new JsonObject()
        .put("at", Integer.toString(at))
        .put("predecessorPid", pid)
        .put("outcome", outcome);
  }

  private List<String> all(String field) {
    return history.toJson().stream().map(r -> ((JsonObject) r).getString(field)).toList();
  }

  private static List<String> numbers(int from, int to) {
    return IntStream.range(from, to).mapToObj(Integer::toString).toList();
  }

  @Test
  void keepsTheLastOnes() {
    for (int i = 0; i < 120; i++) {
      history.put(restart(i, 1, "OK"));
    }
    assertEquals(numbers(120 - History.LIMIT, 120), all("at"));
  }

  @Test
  void takesOverWhatOthersKnow() {
    JsonArray others = new JsonArray();
    for (int i = 0; i < 60; i++) {
      others.add(restart(i, 1, "OK"));
    }
    history.putAll(others);
    history.put(restart(60, 2, "OK"));
    assertEquals(numbers(61 - History.LIMIT, 61), all("at"));
  }

  @Test
  void replacesWhatIsKnownBetter() {
    history.put(restart(1, 1, "OK"));
    history.put(restart(1, 2, "OK"));
    history.put(restart(1, 1, "SUCCESSOR_LOST"));
    assertEquals(List.of("SUCCESSOR_LOST", "OK"), all("outcome"));
  }

  @Test
  void knowsItsOwnAgainWhenTheyComeBack() {
    history.put(restart(1, 7, "OK"));
    history.putAll(new JsonArray(history.toJson().encode()));
    assertEquals(List.of("1"), all("at"));
  }

  @Test
  void givesCopies() {
    history.put(restart(1, 1, "OK"));
    history.toJson().getJsonObject(0).put("at", "changed");
    assertEquals(List.of("1"), all("at"));
  }
}
