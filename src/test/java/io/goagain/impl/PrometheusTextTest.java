package io.goagain.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class PrometheusTextTest {

  private static JsonObject vitals(int generation, String state, String listener) {
    return new JsonObject()
        .put("generation", generation)
        .put("state", state)
        .put("ready", state.equals("serving"))
        .put("restarts", new JsonObject().put("ok", 2).put("not_ready", 1))
        .put("phases", new JsonObject().put("ready", 640).put("accepting", 655))
        .put(
            "listeners",
            new JsonArray()
                .add(
                    new JsonObject()
                        .put("name", listener)
                        .put("connections", 7)
                        .put("inFlight", 3)))
        .put("ended", new JsonObject().put("moved", 12).put("cut", 0))
        .put("drainMillis", 1250);
  }

  @Test
  void twoGenerationsAreToldApart() {
    Map<String, Double> samples =
        ExpositionParser.parse(
            PrometheusText.of(
                List.of(vitals(4, "serving", "public"), vitals(3, "yielded", "public"))));
    assertEquals(1, samples.get("goagain_ready{generation=\"4\"}"));
    assertEquals(0, samples.get("goagain_ready{generation=\"3\"}"));
    assertEquals(1, samples.get("goagain_state{generation=\"3\",state=\"yielded\"}"));
    assertEquals(0, samples.get("goagain_state{generation=\"3\",state=\"serving\"}"));
    assertEquals(2, samples.get("goagain_restarts_total{generation=\"4\",outcome=\"ok\"}"));
    assertEquals(
        0.655, samples.get("goagain_restart_phase_seconds{generation=\"4\",phase=\"accepting\"}"));
    assertEquals(7, samples.get("goagain_connections{generation=\"3\",listener=\"public\"}"));
    assertEquals(
        3, samples.get("goagain_requests_in_flight{generation=\"4\",listener=\"public\"}"));
    assertEquals(
        12, samples.get("goagain_connections_ended_total{generation=\"4\",how=\"moved\"}"));
    assertEquals(1.25, samples.get("goagain_drain_seconds{generation=\"3\"}"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "a\"b",
        "a\\b",
        "a\nb",
        "\\",
        "\"",
        "ü 字",
        "",
        "{},=",
        "a\\nb",
        "a\rb",
        "a\u2028b",
        "} 5"
      })
  void aListenerMayHaveAnyName(String name) {
    String text = PrometheusText.of(List.of(vitals(1, "serving", name)));
    String escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\"", "\\\"");
    assertEquals(
        7,
        ExpositionParser.parse(text)
            .get("goagain_connections{generation=\"1\",listener=\"" + escaped + "\"}"));
  }

  @Test
  void whatAnotherProcessLeavesOutIsLeftOut() {
    JsonObject strange =
        new JsonObject()
            .put("generation", 2)
            .put("state", 7)
            .put("restarts", "many")
            .put("phases", new JsonArray())
            .put("listeners", new JsonArray().add("x").add(new JsonObject().put("name", 1)))
            .put("ended", new JsonObject().put("moved", "12"));
    assertEquals(Map.of(), ExpositionParser.parse(PrometheusText.of(List.of(strange))));
    assertEquals("", PrometheusText.of(List.of(new JsonObject())));
  }

  @Test
  void aStateOfAnotherVersionIsLeftOut() {
    String text = PrometheusText.of(List.of(vitals(1, "levitating", "public")));
    assertFalse(ExpositionParser.types(text).containsKey("goagain_state"), text);
    assertTrue(ExpositionParser.types(text).containsKey("goagain_ready"), text);
  }

  @ParameterizedTest
  @EnumSource(RestartMachine.State.class)
  void exactlyOneStateIsIt(RestartMachine.State state) {
    String name = state.name().toLowerCase(Locale.ROOT);
    Map<String, Double> samples =
        ExpositionParser.parse(PrometheusText.of(List.of(vitals(1, name, "public"))));
    samples.keySet().removeIf(series -> !series.startsWith("goagain_state"));
    assertEquals(RestartMachine.State.values().length, samples.size());
    assertEquals(1, samples.remove("goagain_state{generation=\"1\",state=\"" + name + "\"}"));
    assertEquals(Set.of(0.0), Set.copyOf(samples.values()));
  }

  @Test
  void noSeriesIsThereTwice() {
    JsonObject twice = vitals(1, "serving", "public");
    JsonArray listeners = twice.getJsonArray("listeners");
    listeners.add(new JsonObject().put("name", "public").put("connections", 9));
    Map<String, Double> samples =
        ExpositionParser.parse(PrometheusText.of(List.of(twice, vitals(1, "draining", "public"))));
    assertEquals(7, samples.get("goagain_connections{generation=\"1\",listener=\"public\"}"));
    assertEquals(1, samples.get("goagain_ready{generation=\"1\"}"));
  }

  @Test
  void beforeTheFirstDrainThereIsNone() {
    JsonObject fresh = vitals(1, "serving", "public");
    fresh.remove("drainMillis");
    assertNull(
        ExpositionParser.parse(PrometheusText.of(List.of(fresh)))
            .get("goagain_drain_seconds{generation=\"1\"}"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "a 1\n",
        "# HELP a b\na 1\n",
        "# TYPE a gauge\na 1\n",
        "# HELP a b\n# TYPE a gauge\na 1\na 2\n",
        "# HELP a b\n# TYPE a counter\na 1\n",
        "# HELP a b\n# TYPE a gauge\na 1",
        "# HELP a b\n# TYPE a gauge\na{x=\"\\q\"} 1\n",
        "# HELP a b\n# TYPE a gauge\na{x=\"1\",x=\"2\"} 1\n",
        "# HELP a b\n# TYPE a gauge\nb 1\n",
        "# HELP a b\n# TYPE a gauge\na 1\n# HELP b b\n# TYPE b gauge\nb 1\na{x=\"1\"} 1\n",
        "# HELP a b\n# TYPE a gauge\na 1\n# HELP b b\n# TYPE b gauge\nb 1\n# TYPE a gauge\n",
        "# HELP a b\n# TYPE a gauge\na 1\n# HELP a b\n# TYPE a gauge\na{x=\"1\"} 1\n",
        "# HELP a b\na 1\n# TYPE a gauge\n",
        "# HELP a b\n# TYPE a gauge\na{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 1\n",
        "# HELP a b\n# TYPE a gauge\na{x=\"1\"y=\"2\"} 1\n",
        "# HELP a b\n# TYPE a gauge\na{x=\"a\nb\"} 1\n",
        "# HELP a b\n# TYPE a gauge\na{1x=\"1\"} 1\n",
        "# HELP a b\n# TYPE a gauge\na{__x=\"1\"} 1\n",
        "# HELP a b\n# TYPE a gauge\na one\n",
        "# HELP a b\n# TYPE a gauge\na 1e5e5\n",
        "# HELP a \n# TYPE a gauge\na 1\n",
        "# HELP a \\q\n# TYPE a gauge\na 1\n",
        "# HELP a b\n# TYPE a\na 1\n",
        "# HELP a b\n# TYPE a dial\na 1\n",
        "# HELP 1a b\n# TYPE 1a gauge\n1a 1\n",
        "# HELP a-b b\n# TYPE a-b gauge\na-b 1\n",
        "# HELP a_total b\n# TYPE a_total gauge\na_total 1\n",
        "# HELP a_count b\n# TYPE a_count gauge\na_count 1\n",
        "# HELP a b\r\n# TYPE a gauge\r\na 1\r\n",
      })
  void theParserRefusesWhatIsNotClean(String text) {
    assertThrows(AssertionError.class, () -> ExpositionParser.parse(text));
  }
}
