package io.goagain.process;

import static io.goagain.process.Takeovers.assertAllKept;
import static io.goagain.process.Takeovers.assertExit;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.goagain.load.Load;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Whenever the predecessor dies, its taker goes on alone, and can be taken over from. */
@Timeout(300)
class TakeoverAloneIT {
  private static final int LONG = 30_000;

  @Test
  void thePredecessorIsKilledBeforeItAnswers() throws Exception {
    try (Takeovers takeovers = Takeovers.single()) {
      AppProcess first = takeovers.start(1);
      first.signal("STOP");
      AppProcess taker = takeovers.asking();
      first.kill9(first.pid());
      // It is nobody's successor, and begins with what it finds.
      assertEquals(taker.pid(), taker.awaitReady(1).pid());
      takeovers.awaitServing(taker.pid(), 1);
      takeovers.assertGoesOn(taker, 1);
    }
  }

  @Test
  void thePredecessorIsKilledWhileTheTakerBoots() throws Exception {
    try (Takeovers takeovers = Takeovers.single();
        Gate gate = Gate.in(takeovers.directory())) {
      AppProcess first = takeovers.start(1);
      AppProcess taker = takeovers.gated(gate);
      first.kill9(first.pid());
      assertExit(first, 128 + 9);
      // Nobody is refused: the listener lives in the taker.
      try (RawHttp queued = RawHttp.connect(takeovers.address("public"))) {
        queued.send(RawHttp.request("/"));
        gate.open();
        assertEquals(taker.pid(), queued.answer().pid());
      }
      takeovers.awaitServing(taker.pid(), 2);
      takeovers.assertGoesOn(taker, 2);
    }
  }

  /** The grant, if there is one, comes too late. */
  @Test
  void thePredecessorIsKilledBeforeItGrants() throws Exception {
    try (Takeovers takeovers = Takeovers.single();
        Gate gate = Gate.in(takeovers.directory())) {
      AppProcess first = takeovers.start(1);
      AppProcess taker = takeovers.gated(gate);
      first.signal("STOP");
      gate.open();
      taker.awaitLine(line -> line.contains("is about to be ready"), AppProcess.LIMIT);
      try (RawHttp queued = RawHttp.connect(takeovers.address("public"))) {
        queued.send(RawHttp.request("/"));
        first.kill9(first.pid());
        assertEquals(taker.pid(), queued.answer().pid());
      }
      takeovers.awaitServing(taker.pid(), 2);
      takeovers.assertGoesOn(taker, 2);
    }
  }

  @Test
  void thePredecessorIsKilledOnProbation() throws Exception {
    try (Takeovers takeovers = Takeovers.single().option("probation", LONG)) {
      AppProcess first = takeovers.start(1);
      AppProcess taker = takeovers.option("probation", 100).start(2);
      first.awaitLine(line -> line.contains("handed over to generation 2"), AppProcess.LIMIT);
      Load load = takeovers.load();
      first.kill9(first.pid());
      takeovers.awaitServing(taker.pid(), 2);
      assertAllKept(load, 2);
      takeovers.assertGoesOn(taker, 2);
    }
  }

  @Test
  void thePredecessorIsKilledWhileItDrains() throws Exception {
    try (Takeovers takeovers = Takeovers.single()) {
      AppProcess first = takeovers.start(1);
      try (Wire held = Wire.held(takeovers.address("public"))) {
        AppProcess taker = takeovers.start(2);
        takeovers.await(
            "probation is over", () -> !takeovers.status().getString("state").equals("BOOTING"));
        Load load = takeovers.load();
        first.kill9(first.pid());
        held.awaitEnd();
        takeovers.awaitServing(taker.pid(), 2);
        assertAllKept(load, 2);
        takeovers.assertGoesOn(taker, 2);
      }
    }
  }
}
