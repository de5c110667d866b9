package io.goagain.cluster.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vertx.core.json.JsonObject;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PlanRequestTest {

  private static final View VIEW =
      new View("ma", Set.of("ma", "mb", "mc"), List.of(entry("a"), entry("b"), entry("c")), true);

  private static Entry entry(String node) {
    return new Entry(node, "m" + node, "h", 1, 1, null, "SERVING", 1, null, 0, 0, null);
  }

  private static Plan plan(String json) {
    return PlanRequest.of(json == null ? null : new JsonObject(json)).toPlan(VIEW, "id", "a", 1, 0);
  }

  private static List<String> order(String json) {
    return plan(json).steps().stream().map(Step::node).toList();
  }

  @Test
  void nothingAsksForTheDefaults() {
    Plan plan = plan(null);
    assertEquals(1, plan.maxUnavailable());
    assertEquals(2_000, plan.settleMillis());
    assertEquals(300_000, plan.stepTimeout());
    assertEquals(List.of("a", "b", "c"), plan.nodes());
    assertEquals(List.of("b", "c", "a"), order(null));
  }

  @Test
  void theOrderCanBeChosen() {
    assertEquals(List.of("c", "a", "b"), order("{\"order\":[\"c\",\"a\",\"b\"]}"));
    assertEquals(List.of("b", "c", "a"), order("{\"order\":\"oldest first\"}"));
  }

  @Test
  void soCanTheNodes() {
    assertEquals(List.of("b", "a"), order("{\"nodes\":[\"a\",\"b\"]}"));
    assertEquals(List.of("a", "b"), order("{\"nodes\":[\"b\",\"a\"],\"order\":[\"a\",\"b\"]}"));
    assertEquals(List.of("a", "b", "c"), plan("{\"nodes\":[\"a\"]}").nodes());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"maxUnavailible\":1}|maxUnavailible",
        "{\"maxUnavailable\":0}|maxUnavailable",
        "{\"maxUnavailable\":3}|maxUnavailable",
        "{\"maxUnavailable\":\"1\"}|maxUnavailable",
        "{\"maxUnavailable\":1.5}|maxUnavailable",
        "{\"settleMillis\":-1}|settleMillis",
        "{\"settleMillis\":null}|settleMillis",
        "{\"stepTimeout\":0}|stepTimeout",
        "{\"onFailure\":\"retry\"}|onFailure",
        "{\"onFailure\":1}|onFailure",
        "{\"dryRun\":\"yes\"}|dryRun",
        "{\"order\":\"youngest first\"}|order",
        "{\"order\":[\"a\",\"b\"]}|order",
        "{\"order\":[\"a\",\"a\",\"b\"]}|order",
        "{\"nodes\":[]}|nodes",
        "{\"nodes\":[\"d\"]}|nodes",
        "{\"nodes\":[7]}|nodes",
        "{\"nodes\":[\"a\"],\"order\":[\"b\"]}|order",
      })
  void whatDoesNotFitIsNamed(String json, String field) {
    IllegalArgumentException refusal =
        assertThrows(IllegalArgumentException.class, () -> plan(json));
    assertTrue(refusal.getMessage().startsWith("\"" + field + "\""), refusal.getMessage());
  }
}
