package io.goagain.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.Generation;
import io.goagain.GoAgainServerFactory;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.NetServerOptions;
import io.vertx.junit5.VertxExtension;
import io.vertx.junit5.VertxTestContext;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(VertxExtension.class)
class HandshakeTest {

  @Test
  void helloSaysVersionGenerationAndPid() {
    assertEquals(
        new JsonObject().put("goagain", 1).put("generation", 3).put("pid", 4711L).encode(),
        Handshake.hello(new Generation(3, 4711, 42)).encode());
  }

  @Test
  void anOwnHelloIsAccepted() {
    JsonObject hello = new JsonObject(Handshake.hello(new Generation(1, 2, 0)).encode());
    assertNull(Handshake.objection(hello));
  }

  @Test
  void aHelloMaySayMoreThanIsKnown() {
    assertNull(Handshake.objection(new JsonObject("{\"goagain\":1,\"later\":{\"a\":[]}}")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"2", "0", "-1", "\"one\"", "true", "[1]"})
  void anotherVersionIsNamedInTheObjection(String version) {
    String objection = Handshake.objection(new JsonObject("{\"goagain\":" + version + "}"));
    assertNotNull(objection);
    assertTrue(objection.contains(version.replace("\"", "")), objection);
    assertTrue(objection.contains("this process 1"), objection);
  }

  @ParameterizedTest
  @ValueSource(strings = {"1.5", "4294967297"})
  void aNumberThatOnlyRoundsToTheVersionIsAnotherVersion(String version) {
    assertNotNull(Handshake.objection(new JsonObject("{\"goagain\":" + version + "}")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"{}", "{\"type\":\"ready\"}", "{\"goagain\":null}"})
  void whatIsNoHelloIsShownInTheObjection(String message) {
    String objection = Handshake.objection(new JsonObject(message));
    assertNotNull(objection);
    assertTrue(objection.contains(message), objection);
  }

  @Test
  void readyWithoutListenersSaysSo() {
    assertEquals(new JsonArray(), Handshake.ready(List.of()).getJsonArray("listeners"));
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void readyNamesTheListeners(Vertx vertx, VertxTestContext test) {
    GoAgainServerFactory.create(vertx)
        .deployNetServer(
            "handshake", new NetServerOptions().setHost("127.0.0.1").setPort(0), socket -> {})
        .onComplete(
            test.succeeding(
                id ->
                    test.verify(
                        () -> {
                          JsonObject ready = Handshake.ready(ThisProcess.get().listeners().open());
                          assertEquals("ready", ready.getString("type"));
                          assertTrue(
                              ready.getJsonArray("listeners").contains("handshake"), ready::encode);
                          test.completeNow();
                        })));
  }

  @Test
  void abortGivesItsReason() {
    JsonObject abort = Handshake.abort("too late", true);
    assertEquals("abort", abort.getString("type"));
    assertEquals("too late", abort.getString("reason"));
  }
}
