package io.goagain;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vertx.core.json.JsonObject;
import io.vertx.core.net.SocketAddress;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ListenOptionsTest {

  @Test
  void defaultsAreAsDocumented() {
    ListenOptions options = new ListenOptions();
    assertNull(options.getAddress());
    assertEquals(1, options.getInstances());
    assertEquals(30_000, options.getDrainTimeout());
    assertTrue(options.isHandover());
  }

  @Test
  void emptyJsonMeansTheDefaults() {
    assertSameOptions(new ListenOptions(), new ListenOptions(new JsonObject()));
  }

  @Test
  void defaultsSurviveTheRoundTrip() {
    assertSameOptions(new ListenOptions(), throughText(new ListenOptions()));
  }

  @Test
  void everyOptionSurvivesTheRoundTripWithEveryKindOfAddress() {
    for (SocketAddress address :
        List.of(
            SocketAddress.inetSocketAddress(8080, "127.0.0.1"),
            SocketAddress.inetSocketAddress(0, "::1"),
            SocketAddress.domainSocketAddress("/run/app.sock"),
            SocketAddress.domainSocketAddress("\0abstract"))) {
      ListenOptions options =
          new ListenOptions()
              .setAddress(address)
              .setInstances(3)
              .setDrainTimeout(0)
              .setHandover(false);
      assertSameOptions(options, throughText(options));
    }
  }

  @Test
  void everyOptionHasAFieldOfItsName() {
    assertEquals(
        Set.of("address", "instances", "drainTimeout", "handover"),
        new ListenOptions()
            .setAddress(SocketAddress.inetSocketAddress(80, "localhost"))
            .toJson()
            .fieldNames());
  }

  @Test
  void theCopyHasEveryOptionAndGoesItsOwnWay() {
    ListenOptions original =
        new ListenOptions()
            .setAddress(SocketAddress.domainSocketAddress("/run/app.sock"))
            .setInstances(3)
            .setDrainTimeout(7)
            .setHandover(false);
    ListenOptions copy = new ListenOptions(original);
    assertSameOptions(original, copy);
    copy.setAddress(null).setInstances(1).setDrainTimeout(1).setHandover(true);
    assertEquals("/run/app.sock", original.getAddress().path());
    assertEquals(3, original.getInstances());
    assertEquals(7, original.getDrainTimeout());
    assertFalse(original.isHandover());
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '`',
      textBlock =
          """
          `{"nonsense": 1}`,              nonsense,     1
          `{"instances": 0}`,             instances,    0
          `{"instances": "two"}`,         instances,    two
          `{"instances": null}`,          instances,    null
          `{"drainTimeout": -1}`,         drainTimeout, -1
          `{"drainTimeout": "30s"}`,      drainTimeout, 30s
          `{"handover": "no"}`,           handover,     no
          `{"handover": null}`,           handover,     null
          `{"address": "localhost:80"}`,  address,      localhost:80
          `{"address": {"hots": "x"}}`,   address,      hots
          """)
  void errorsNameTheFieldAndTheValue(String json, String field, String value) {
    IllegalArgumentException refusal =
        assertThrows(IllegalArgumentException.class, () -> new ListenOptions(new JsonObject(json)));
    assertTrue(refusal.getMessage().contains("\"" + field + "\""), refusal::getMessage);
    assertTrue(refusal.getMessage().contains(value), refusal::getMessage);
  }

  private static ListenOptions throughText(ListenOptions options) {
    return new ListenOptions(new JsonObject(options.toJson().encode()));
  }

  private static void assertSameOptions(ListenOptions expected, ListenOptions actual) {
    assertEquals(expected.getAddress(), actual.getAddress());
    assertEquals(expected.getInstances(), actual.getInstances());
    assertEquals(expected.getDrainTimeout(), actual.getDrainTimeout());
    assertEquals(expected.isHandover(), actual.isHandover());
  }
}
