package io.goagain.process;

import static io.goagain.process.Takeovers.assertAllKept;
import static io.goagain.process.Takeovers.assertExit;
import static io.goagain.process.Takeovers.assertFails;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.load.Load;
import io.goagain.process.AppProcess.Generation;
import io.vertx.core.json.JsonObject;
import java.net.UnixDomainSocketAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A taker that ends or hangs changes nothing, and the next takeover is as good as any. */
@Timeout(300)
class TakeoverFailureIT {
  private static final int LONG = 30_000;

  /** Of one whose successors are on probation for long. */
  private static void assertTakenOver(Takeovers takeovers, AppProcess first) throws Exception {
    Load load = takeovers.load();
    AppProcess taker = takeovers.start(2);
    first.awaitLine(line -> line.contains("handed over to generation 2"), AppProcess.LIMIT);
    assertAllKept(load, 1, 2);
    assertEquals(new Generation(2, taker.pid()), takeovers.answering());
  }

  @Test
  void aTakerThatEndsAtAnyStepChangesNothing() throws Exception {
    try (Takeovers takeovers = Takeovers.single().option("probation", LONG)) {
      AppProcess first = takeovers.start(1);
      Load load = takeovers.load();
      UnixDomainSocketAddress socket = UnixDomainSocketAddress.of(takeovers.path());
      try (Wire half = Wire.open(socket)) {
        assertEquals(101, half.send(RawTaker.half("messages", "x")).answer().status());
      }
      try (Wire half = Wire.open(socket)) {
        assertEquals(101, half.send(RawTaker.half("descriptors", "x")).answer().status());
      }
      RawTaker.connect(takeovers.path()).close();
      takeovers.awaitServing(first.pid(), 1);
      RawTaker.connect(takeovers.path()).hello().close();
      takeovers.awaitServing(first.pid(), 1);
      try (RawTaker taker = RawTaker.connect(takeovers.path())) {
        taker.hello().awaitHanded();
        assertEquals("AWAITING_READY", takeovers.status().getString("state"));
        try (Wire second = Wire.open(socket)) {
          assertEquals(409, second.send(RawTaker.half("messages", "y")).answer().status());
        }
      }
      takeovers.awaitServing(first.pid(), 1);
      try (RawTaker taker = RawTaker.connect(takeovers.path()).hello().awaitHanded()) {
        taker.ready("public").await("grant");
      }
      takeovers.awaitServing(first.pid(), 1);
      // It has taken nothing: all that was sent to it is served where it was.
      try (RawTaker taker = RawTaker.connect(takeovers.path()).hello().awaitHanded()) {
        taker.ready("public").accepting().await("connection");
      }
      takeovers.awaitServing(first.pid(), 1);
      SingleApp.assertNothingLost(load, 1);
      assertTakenOver(takeovers, first);
    }
  }

  @Test
  void aTakerThatHasNothingToListenOn() throws Exception {
    try (Takeovers takeovers = Takeovers.single()) {
      AppProcess first = takeovers.start(1);
      try (RawTaker taker = RawTaker.connect(takeovers.path()).hello().awaitHanded()) {
        taker.ready();
        String reason = taker.await("abort").getString("reason");
        assertTrue(reason.contains("has no server that listens"), reason);
        taker.awaitEnd();
      }
      try (RawTaker taker = RawTaker.connect(takeovers.path())) {
        taker.say(new JsonObject().put("goagain", 2));
        String reason = taker.await("abort").getString("reason");
        assertTrue(reason.contains("version 2"), reason);
      }
      takeovers.awaitServing(first.pid(), 1);
      takeovers.assertGoesOn(first, 1);
    }
  }

  /** Its request waits in the socket's queue while the predecessor stands still. */
  @Test
  void aTakerIsKilledBeforeItIsAnswered() throws Exception {
    try (Takeovers takeovers = Takeovers.single()) {
      AppProcess first = takeovers.start(1);
      first.signal("STOP");
      AppProcess taker = takeovers.asking();
      taker.kill9(taker.pid());
      assertExit(taker, 128 + 9);
      first.signal("CONT");
      takeovers.awaitServing(first.pid(), 1);
      takeovers.assertGoesOn(first, 1);
    }
  }

  @Test
  void aTakerIsKilledWhileItBoots() throws Exception {
    try (Takeovers takeovers = Takeovers.single();
        Gate gate = Gate.in(takeovers.directory())) {
      AppProcess first = takeovers.start(1);
      Load load = takeovers.load();
      AppProcess taker = takeovers.gated(gate);
      taker.kill9(taker.pid());
      takeovers.awaitServing(first.pid(), 1);
      first.awaitLine(
          line -> line.contains("SUCCESSOR_EXITED: Process " + taker.pid()), AppProcess.LIMIT);
      assertAllKept(load, 1);
      takeovers.assertGoesOn(first, 1);
    }
  }

  @Test
  void aTakerIsKilledOnProbation() throws Exception {
    try (Takeovers takeovers = Takeovers.single().option("probation", LONG)) {
      AppProcess first = takeovers.start(1);
      AppProcess taker = takeovers.start(2);
      assertEquals(new Generation(2, taker.pid()), takeovers.answering());
      taker.kill9(taker.pid());
      first.awaitLine(
          line -> line.contains("SUCCESSOR_LOST: Process " + taker.pid()), AppProcess.LIMIT);
      takeovers.awaitServing(first.pid(), 1);
      assertTakenOver(takeovers, first);
    }
  }

  @Test
  void aTakerThatIsNeverReadyIsGivenUp() throws Exception {
    try (Takeovers takeovers = Takeovers.single().option("readyTimeout", 1_000);
        Gate gate = Gate.in(takeovers.directory())) {
      AppProcess first = takeovers.start(1);
      Load load = takeovers.load();
      takeovers.option("readyTimeout", LONG);
      AppProcess taker = takeovers.gated(gate);
      assertFails(
          taker,
          "given up by the predecessor: Process "
              + taker.pid()
              + " did not say ready within 1000 ms");
      takeovers.awaitServing(first.pid(), 1);
      assertAllKept(load, 1);
      JsonObject last = takeovers.status().getJsonObject("lastRestart");
      assertEquals("NOT_READY", last.getString("outcome"));
    }
  }
}
