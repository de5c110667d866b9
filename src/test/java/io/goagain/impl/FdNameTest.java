package io.goagain.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FdNameTest {

  @Test
  void whatSystemdTakesStaysReadable() {
    assertEquals("public-1.http#2/x@y", FdName.encode("public-1.http#2/x@y"));
    assertEquals("127.0.0.1%3A8080", FdName.encode("127.0.0.1:8080"));
    assertEquals("100%25%20%C3%BC%0A", FdName.encode("100% \u00fc\n"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "public",
        "127.0.0.1:8080",
        "[::1%eth0]:0#2",
        "/run/a b.sock",
        "@\0x",
        "\u00fc\ud83d\ude00",
        "%",
        "%3A",
        "\t\n\u007f"
      })
  void everyNameComesBack(String name) {
    String encoded = FdName.encode(name);
    assertTrue(encoded.chars().allMatch(c -> c > ' ' && c < 127 && c != ':'), encoded);
    assertEquals(name, FdName.decode(encoded));
  }

  @ParameterizedTest
  @ValueSource(strings = {"app.socket", "100%", "%3", "%zz", "%3a", "a%"})
  void namesThatAreNotEncodedStay(String name) {
    assertEquals(name, FdName.decode(name));
  }

  @Test
  void whatIsTooLongIsCutBetweenTwoCharacters() {
    assertEquals("x".repeat(255), FdName.encode("x".repeat(300)));
    assertEquals("%3A".repeat(85), FdName.encode(":".repeat(300)));
    assertEquals("x" + "%3A".repeat(84), FdName.encode("x" + ":".repeat(300)));
  }
}
