package io.goagain.process;

import static io.goagain.process.Takeovers.assertAllKept;
import static io.goagain.process.Takeovers.assertExit;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.load.Load;
import io.goagain.load.Workload;
import io.goagain.process.AppProcess.Generation;
import java.net.SocketAddress;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The same command once more, from outside, replaces the process that serves. */
@Timeout(300)
class TakeoverIT {

  @Test
  void nothingIsLost() throws Exception {
    int rounds = Restarts.rounds(2, 10);
    try (Takeovers takeovers = Takeovers.single()) {
      AppProcess serving = takeovers.start(1);
      Load load = takeovers.load(Load.usual(takeovers.address("public")));
      List<Integer> generations = new ArrayList<>(List.of(1));
      for (int generation = 2; generation <= rounds + 1; generation++) {
        load.awaitRequests(300);
        serving = takeovers.takeOver(serving, generation);
        takeovers.awaitServing(serving.pid(), generation);
        generations.add(generation);
      }
      load.awaitRequests(300);
      assertAllKept(load, generations.toArray(Integer[]::new));
    }
  }

  /** Whoever was spawned and whoever was not follow each other. */
  @Test
  void takersAndSpawnedSuccessorsAlternate() throws Exception {
    try (Takeovers takeovers = Takeovers.single()) {
      AppProcess first = takeovers.start(1);
      Load load = takeovers.load();
      AppProcess second = takeovers.takeOver(first, 2);
      takeovers.awaitServing(second.pid(), 2);
      second.signal(second.pid(), "USR2");
      Generation third = second.awaitReady(3);
      assertExit(second, 0);
      takeovers.awaitServing(third.pid(), 3);
      AppProcess fourth = takeovers.start(4);
      Restarts.awaitGone(second, third.pid());
      takeovers.awaitServing(fourth.pid(), 4);
      assertAllKept(load, 1, 2, 3, 4);
      takeovers.assertGoesOn(fourth, 4);
    }
  }

  /** Connections to a Unix listener move as well, and its file is the same until the last stop. */
  @Test
  void unixSocketsStay() throws Exception {
    try (Takeovers takeovers = Takeovers.single()) {
      Path unix = takeovers.directory().resolve("http.sock");
      AppProcess serving = takeovers.argument("unix", unix.toString()).start(1);
      Object file = inode(unix);
      Object control = inode(takeovers.path());
      SocketAddress address = takeovers.address("unix");
      Load load =
          takeovers.load(
              SingleApp.busy(address).add(Workload.connects(takeovers.address("public"), 1, 20)));
      try (Clients clients = new Clients()) {
        clients.repeat(
            () -> {
              assertEquals(file, inode(unix));
              assertEquals(control, inode(takeovers.path()));
              assertEquals(200, Takeovers.get(takeovers.path(), "/status").status());
            });
        for (int generation = 2; generation <= 3; generation++) {
          serving = takeovers.takeOver(serving, generation);
          takeovers.awaitServing(serving.pid(), generation);
        }
        clients.finish();
      }
      assertAllKept(load, 1, 2, 3);
      serving.signal("TERM");
      assertExit(serving, 0);
      assertFalse(Files.exists(unix, LinkOption.NOFOLLOW_LINKS));
      assertFalse(Files.exists(takeovers.path(), LinkOption.NOFOLLOW_LINKS));
    }
  }

  private static Object inode(Path path) throws Exception {
    return Files.getAttribute(path, "unix:ino", LinkOption.NOFOLLOW_LINKS);
  }

  @Test
  void stateAndOwnershipCarryOver() throws Exception {
    try (Takeovers takeovers = Takeovers.of("handover").port("chat", "chat");
        Clients clients = new Clients()) {
      AppProcess serving = takeovers.start(1);
      SocketAddress address = takeovers.address("public");
      AtomicInteger counted = new AtomicInteger();
      for (int i = 0; i < 4; i++) {
        RawHttp wire = RawHttp.connect(address);
        clients.repeat(
            () -> {
              assertEquals(200, wire.get("/count").status());
              counted.incrementAndGet();
            });
      }
      for (int generation = 2; generation <= 3; generation++) {
        int before = counted.get();
        takeovers.await("more requests", () -> counted.get() > before + 500);
        takeovers.await("the clock goes", () -> Ticks.at(address).count() > 10);
        try (RawHttp chat = RawHttp.connect(takeovers.address("chat"))) {
          assertEquals("1 hello " + (generation - 1), chat.send("hello\n").line());
          AppProcess next = takeovers.start(generation);
          int now = generation;
          takeovers.await("the new clock goes", () -> Ticks.at(address).goesIn(now));
          assertExit(serving, 0);
          serving = next;
          assertEquals("2 again " + generation, chat.send("again\n").line());
        }
        takeovers.awaitServing(serving.pid(), generation);
      }
      clients.finish();
      try (RawHttp wire = RawHttp.connect(address)) {
        assertEquals(counted.get() + 1 + "\n", wire.get("/count").text());
      }
    }
  }

  @Test
  void fromAnotherJarAndWorkingDirectory() throws Exception {
    try (Takeovers takeovers = Takeovers.single()) {
      AppProcess first = takeovers.start(1);
      Load load = takeovers.load();
      Path other = Files.createDirectory(takeovers.directory().resolve("release-2"));
      Path jar = Files.copy(AppProcess.examples(), other.resolve("app.jar"));
      takeovers.jar(jar).workingDirectory(other).argument("control-socket", "../control.sock");
      AppProcess second = takeovers.takeOver(first, 2);
      takeovers.awaitServing(second.pid(), 2);
      second.signal("USR2");
      Generation third = second.awaitReady(3);
      assertExit(second, 0);
      takeovers.awaitServing(third.pid(), 3);
      assertAllKept(load, 1, 2, 3);
      assertTrue(SingleApp.strings(third.pid(), "cmdline").contains(jar.toString()));
      Path cwd = Path.of("/proc", Long.toString(third.pid()), "cwd");
      assertEquals(other, Files.readSymbolicLink(cwd));
      second.signal(third.pid(), "TERM");
      Restarts.awaitGone(second, third.pid());
      assertTrue(Files.notExists(takeovers.path()));
    }
  }
}
