package io.goagain;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class RestartFailureTest {

  /** Written down by people who look at replies: a number may be added, and never changed. */
  private static final Map<Integer, String> CODES =
      new TreeMap<>(
          Map.ofEntries(
              Map.entry(1, "IN_PROGRESS"),
              Map.entry(2, "NOT_SUPPORTED"),
              Map.entry(3, "INVALID_REQUEST"),
              Map.entry(4, "COMMAND_NOT_FOUND"),
              Map.entry(5, "COMMAND_NOT_EXECUTABLE"),
              Map.entry(6, "SPAWN_FAILED"),
              Map.entry(7, "SUCCESSOR_EXITED"),
              Map.entry(8, "NOT_READY"),
              Map.entry(9, "PROTOCOL_MISMATCH"),
              Map.entry(10, "NO_LISTENER"),
              Map.entry(11, "STOPPING"),
              Map.entry(12, "NOT_SERVING"),
              Map.entry(13, "SUCCESSOR_LOST"),
              Map.entry(14, "INTERNAL"),
              Map.entry(15, "EXEC_FAILED"),
              Map.entry(16, "NOT_RETURNED"),
              Map.entry(17, "WARM_UP_FAILED"),
              Map.entry(18, "UNHEALTHY")));

  @Test
  void codesAreUniqueAndNeverChange() {
    Map<Integer, String> actual = new TreeMap<>();
    for (RestartFailure failure : RestartFailure.values()) {
      String previous = actual.put(failure.code(), failure.name());
      assertEquals(null, previous, () -> "two failures have the code " + failure.code());
    }
    assertEquals(CODES, actual);
  }

  @Test
  void failuresAreFoundByTheirCode() {
    for (RestartFailure failure : RestartFailure.values()) {
      assertSame(failure, RestartFailure.ofCode(failure.code()));
    }
  }

  @Test
  void unknownCodesAreRefusedByNumber() {
    for (int code : new int[] {0, -1, 99}) {
      IllegalArgumentException refusal =
          assertThrows(IllegalArgumentException.class, () -> RestartFailure.ofCode(code));
      assertTrue(refusal.getMessage().contains(Integer.toString(code)), refusal::getMessage);
    }
  }

  @Test
  void eachHasASentenceOfItsOwn() {
    long sentences =
        Arrays.stream(RestartFailure.values())
            .map(RestartFailure::sentence)
            .filter(sentence -> !sentence.isBlank())
            .distinct()
            .count();
    assertEquals(RestartFailure.values().length, sentences);
  }
}
