package io.goagain.process;

import static io.goagain.process.Takeovers.assertAllKept;
import static io.goagain.process.Takeovers.assertExit;
import static io.goagain.process.Takeovers.assertFails;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.load.Load;
import io.goagain.process.AppProcess.Generation;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A taker that is not alone: others ask as well, or there is something else at the path. */
@Timeout(300)
class TakeoverConflictIT {

  // Several things at once.

  @Test
  void ofTwoTakersOneIsRefused() throws Exception {
    try (Takeovers takeovers = Takeovers.single();
        Gate gate = Gate.in(takeovers.directory())) {
      AppProcess first = takeovers.start(1);
      Load load = takeovers.load();
      AppProcess taker = takeovers.gated(gate);
      assertFails(
          takeovers.launch(), "cannot be taken over from: The restart that was asked for at ");
      gate.open();
      assertEquals(taker.pid(), taker.awaitReady(2).pid());
      assertExit(first, 0);
      takeovers.awaitServing(taker.pid(), 2);
      assertAllKept(load, 1, 2);
      takeovers.assertGoesOn(taker, 2);
    }
  }

  @Test
  void aStopWaitsForTheTaker() throws Exception {
    try (Takeovers takeovers = Takeovers.single();
        Gate gate = Gate.in(takeovers.directory())) {
      AppProcess first = takeovers.start(1);
      Load load = takeovers.load();
      AppProcess taker = takeovers.gated(gate);
      first.signal("TERM");
      load.awaitRequests(50);
      assertEquals("AWAITING_READY", takeovers.status().getString("state"));
      gate.open();
      assertEquals(taker.pid(), taker.awaitReady(2).pid());
      assertExit(first, 0);
      takeovers.awaitServing(taker.pid(), 2);
      assertAllKept(load, 1, 2);
      takeovers.assertGoesOn(taker, 2);
    }
  }

  @Test
  void aStopIsCarriedOutIfTheTakerFails() throws Exception {
    try (Takeovers takeovers = Takeovers.single();
        Gate gate = Gate.in(takeovers.directory())) {
      AppProcess first = takeovers.start(1);
      AppProcess taker = takeovers.gated(gate);
      first.signal("TERM");
      taker.kill9(taker.pid());
      assertExit(first, 0);
      assertTrue(Files.notExists(takeovers.path()));
      assertTrue(Wire.refused(takeovers.address("public")));
    }
  }

  @Test
  void aRestartIsTheTakersThatBoots() throws Exception {
    try (Takeovers takeovers = Takeovers.single();
        Gate gate = Gate.in(takeovers.directory())) {
      AppProcess first = takeovers.start(1);
      Load load = takeovers.load();
      AppProcess taker = takeovers.gated(gate);
      first.signal("USR2");
      first.awaitLine(line -> line.contains("a restart is remembered"), AppProcess.LIMIT);
      gate.open();
      taker.awaitLine(line -> line.endsWith("generation 3: waits at the gate"), AppProcess.LIMIT);
      gate.open();
      Generation third = taker.awaitReady(3);
      assertExit(first, 0);
      assertExit(taker, 0);
      takeovers.awaitServing(third.pid(), 3);
      assertAllKept(load, 1, 2, 3);
    }
  }

  // What else there may be at the path.

  @Test
  void aSocketOfSomethingElseIsLeftAlone() throws Exception {
    try (Takeovers takeovers = Takeovers.single().option("readyTimeout", 1_000).anyPort();
        ServerSocketChannel other = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        Clients clients = new Clients()) {
      Path path = takeovers.path();
      other.bind(UnixDomainSocketAddress.of(path));
      Object inode = Files.getAttribute(path, "unix:ino");
      assertFails(takeovers.launch(), "did not answer in time");
      clients.repeat(() -> other.accept().close());
      AppProcess closed = takeovers.launch();
      assertExit(closed, 1);
      assertTrue(closed.lines().size() < 10, () -> closed.failure("many lines").getMessage());
      closed.fromStart().awaitLine(line -> line.startsWith("single: "), AppProcess.LIMIT);
      assertEquals(inode, Files.getAttribute(path, "unix:ino"));
    }
  }

  @Test
  void aStaleFileIsReplaced() throws Exception {
    try (Takeovers takeovers = Takeovers.single()) {
      AppProcess first = takeovers.start(1);
      first.kill9(first.pid());
      assertExit(first, 128 + 9);
      assertTrue(Files.exists(takeovers.path()));
      AppProcess next = takeovers.start(1);
      takeovers.awaitServing(next.pid(), 1);
      takeovers.assertGoesOn(next, 1);
    }
  }

  @Test
  void whoDoesNotAskFirstIsToldTo() throws Exception {
    try (Takeovers takeovers = Takeovers.single()) {
      AppProcess first = takeovers.start(1);
      takeovers.part(GatedPart.class).argument("control-socket", null);
      takeovers.option("controlSocket", takeovers.path().toString());
      assertFails(takeovers.anyPort().launch(), "call RestartVerticle.takeOver");
      takeovers.awaitServing(first.pid(), 1);
    }
  }
}
