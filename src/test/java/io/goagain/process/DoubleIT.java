package io.goagain.process;

import static io.goagain.process.Doubles.assertNothingLostAndAllKept;
import static io.goagain.process.Doubles.assertServes;
import static io.goagain.process.Doubles.awaitAlone;
import static io.goagain.process.SingleApp.assertEmpty;
import static io.goagain.process.SingleApp.assertNothingLost;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.load.Load;
import io.goagain.process.AppProcess.Generation;
import io.goagain.process.SingleApp.Reply;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The strategy double: the program is another one, in the same process, and no client notices. */
@Timeout(300)
class DoubleIT {

  private static final int LEAK_RESTARTS = Restarts.rounds(5, 20);

  @Test
  void thePidStaysUnderLoad() throws Exception {
    SingleApp.Starter starter = Doubles.starter();
    Path directory = Files.createDirectory(starter.directory().resolve("run"));
    Path pidFile = directory.resolve("app.pid");
    Path unix = starter.directory().resolve("http.sock");
    starter.option("pidFile", pidFile.toString());
    starter.arguments("--unix", unix.toString(), "--instances", "2");
    try (SingleApp app = starter.start();
        Clients clients = new Clients()) {
      Generation generation = app.process().newest();
      Object inode = Files.getAttribute(unix, "unix:ino");
      Load load = app.load();
      Load unixLoad = app.load("unix");
      clients.repeat(
          () -> {
            assertEquals(app.process().pid() + "\n", Files.readString(pidFile));
            Clients.pause(1_000);
          });
      for (int i = 0; i < Restarts.COUNT; i++) {
        generation = Doubles.restart(app);
        assertEquals(
            "hello generation=%d pid=%d\n".formatted(2 * i + 3, app.process().pid()),
            Wire.fetch(app.address("public"), "/"));
      }
      Integer[] all =
          IntStream.rangeClosed(1, generation.generation()).boxed().toArray(Integer[]::new);
      assertNothingLostAndAllKept(load, all);
      assertNothingLostAndAllKept(unixLoad, all);
      clients.finish();
      assertServes(app, generation);
      assertEquals(inode, Files.getAttribute(unix, "unix:ino"));
      app.process().signal("TERM");
      Doubles.awaitNobody(app);
      assertFalse(Files.exists(unix, LinkOption.NOFOLLOW_LINKS));
      assertEmpty(directory);
    }
  }

  @Test
  void aMessageAsksForIt() throws Exception {
    try (SingleApp app = SingleApp.start()) {
      Generation first = app.process().newest();
      assertEquals("single", app.status().getString("strategy"));
      Load load = app.load();
      app.process().fromNow();
      Reply reply = app.restart(new JsonObject().put("strategy", "double"));
      assertEquals(200, reply.status(), reply::toString);
      assertEquals(
          Set.of("generation", "pid", "predecessorPid", "listeners", "readyMillis", "phases"),
          reply.body().fieldNames());
      assertEquals(2, reply.body().getInteger("generation"));
      assertEquals(first.pid(), reply.body().getLong("predecessorPid"));
      assertEquals(new JsonArray().add("public").add("admin"), reply.body().getValue("listeners"));
      Generation third = Doubles.cameBack(app, first);
      assertEquals(app.process().awaitReady(2).pid(), reply.body().getLong("pid"));
      assertNothingLostAndAllKept(load, 1, 2, 3);
      assertEquals("single", assertServes(app, third).getString("strategy"));

      // As the options say.
      Load again = app.load();
      app.process().signal("USR2");
      Generation fourth = app.process().awaitReady(4);
      assertNotEquals(first.pid(), fourth.pid());
      app.exited(first.pid(), 0);
      assertNothingLostAndAllKept(again, 3, 4);
      awaitAlone(app, fourth.pid());
    }
  }

  @Test
  void anOptionAsksForItAndAMessageForTheOther() throws Exception {
    try (SingleApp app = Doubles.start()) {
      Generation first = app.process().newest();
      assertEquals("double", app.status().getString("strategy"));
      Load load = app.load();
      Reply reply = app.restartWell(new JsonObject().put("strategy", "single"));
      long second = reply.body().getLong("pid");
      assertNotEquals(first.pid(), second);
      awaitAlone(app, second);
      Generation fourth = Doubles.restart(app);
      assertEquals(second, fourth.pid());
      assertNothingLostAndAllKept(load, 1, 2, 3, 4);
      assertEquals("double", assertServes(app, fourth).getString("strategy"));
    }
  }

  @Test
  void aListenerThatIsNewSurvives() throws Exception {
    SingleApp.Starter starter = Doubles.starter();
    Path unix = starter.directory().resolve("new.sock");
    try (SingleApp app = starter.start();
        Gate gate = Gate.in(app);
        Clients clients = new Clients()) {
      Generation first = app.process().newest();
      Load load = app.load();
      JsonArray program = SingleApp.command(first.pid());
      program.add("--tcp").add("0").add("--unix").add(unix.toString());
      app.process().fromNow();
      Reply reply =
          app.restart(
              Doubles.request(Doubles.command(app, "", gate.await(), program))
                  .put("readyTimeout", 60_000));
      assertEquals(200, reply.status(), reply::toString);
      Generation standIn = Doubles.standIn(app, first);
      app.log("process " + first.pid() + " executes generation 3");
      SocketAddress echo = app.address("echo");
      final String printed = app.process().address("echo");
      final Object inode = Files.getAttribute(unix, "unix:ino");
      Load unixLoad = app.load("unix");
      clients.repeat(
          () -> {
            try (Wire wire = Wire.open(echo)) {
              assertEquals("hello", wire.send("hello").text(5));
            }
            Clients.pause(5_000);
          });
      app.process().fromNow();
      gate.open();
      Generation third = Doubles.returned(app, first, standIn);
      clients.finish();
      assertEquals(printed, app.process().address("echo"));
      assertNothingLostAndAllKept(load, 1, 2, 3);
      assertNothingLostAndAllKept(unixLoad, 2, 3);
      try (Wire wire = Wire.open(echo)) {
        assertEquals("hello", wire.send("hello").text(5));
      }
      assertEquals(inode, Files.getAttribute(unix, "unix:ino"));
      assertEquals(4, assertServes(app, third).getJsonArray("listeners").size());
      app.process().signal("TERM");
      Doubles.awaitNobody(app);
      assertFalse(Files.exists(unix, LinkOption.NOFOLLOW_LINKS));
    }
  }

  // Connections.

  @Test
  void anIdleConnectionGoesThereAndBack() throws Exception {
    try (SingleApp app = Doubles.start();
        Gate gate = Gate.in(app);
        RawHttp wire = RawHttp.connect(app.address("public"));
        RawHttp silent = RawHttp.connect(app.address("public"));
        RawHttp onlyOnce = RawHttp.connect(app.address("public"))) {
      Generation first = app.process().newest();
      assertEquals(first.pid(), wire.pid());
      assertEquals(first.pid(), onlyOnce.pid());
      app.process().fromNow();
      Reply reply =
          app.restart(
              Doubles.request(Doubles.command(app, "", gate.await())).put("readyTimeout", 60_000));
      assertEquals(200, reply.status(), reply::toString);
      Generation standIn = Doubles.standIn(app, first);
      Restarts.awaitMoved(app.process(), first.pid(), standIn, List.of(wire));
      gate.open();
      Generation third = Doubles.returned(app, first, standIn);
      RawHttp.Answer answer = wire.get("/");
      assertEquals(first.pid(), answer.pid());
      assertEquals(3, answer.generation());
      assertEquals(3, onlyOnce.get("/").generation());
      assertEquals(3, silent.get("/").generation());
      assertServes(app, third);
    }
  }

  /** The process that began it: P does not execute before, the stand-in does not end. */
  @Test
  void requestsFinishWhereTheyBegan() throws Exception {
    try (SingleApp app = Doubles.start();
        Wire heldByFirst = Wire.held(app.address("public"));
        RawHttp slow = RawHttp.connect(app.address("public"))) {
      Generation first = app.process().newest();
      slow.send(RawHttp.request("/slow?millis=3000"));
      // The third is the one that asks.
      app.await("both are in flight", () -> app.status().getInteger("inFlight") == 3);
      Load load = app.load();
      app.process().fromNow().signal("USR2");
      Generation standIn = Doubles.standIn(app, first);
      Wire heldBySecond = Wire.held(app.address("public"));
      assertEquals("slow 3000\n", slow.answer().text());
      // It moves, which proves that generation 1 is still there.
      Restarts.awaitMoved(app.process(), first.pid(), standIn, List.of(slow));
      load.awaitRequests(20);
      assertEquals(0, app.count("executes generation 3"));
      Wire.Answer finished = heldByFirst.finish();
      assertFalse(finished.closes(), finished::toString);
      Generation third = Restarts.awaitReady(app.process());
      assertEquals(first.pid(), third.pid());
      load.awaitRequests(20);
      assertTrue(app.process().isAlive(standIn.pid()));
      assertFalse(heldBySecond.finish().closes());
      app.await(
          "the next image answers what the stand-in held",
          () -> heldBySecond.send(Wire.get("/")).answer().body().contains("generation=3 "));
      Restarts.awaitMoved(app.process(), standIn.pid(), third, List.of(slow));
      heldBySecond.close();
      app.exited(standIn.pid(), 0);
      assertNothingLostAndAllKept(load, 1, 2, 3);
      awaitAlone(app, third.pid());
    }
  }

  // State.

  private static AppProcess handover() throws IOException {
    return AppProcess.start(
        "handover",
        "--port",
        "0",
        "--chat",
        "0",
        "--options",
        "{\"probation\":100,\"strategy\":\"double\"}");
  }

  /** For programs without an admin port: asks, and waits until the stand-in is gone. */
  private static Generation restart(AppProcess app) throws Exception {
    long pid = app.pid();
    Generation standIn = Restarts.ask(app, pid);
    Generation next = Restarts.awaitReady(app);
    assertEquals(new Generation(standIn.generation() + 1, pid), next);
    Restarts.awaitGone(app, standIn.pid());
    // Until it is known to be gone the next restart waits.
    app.fromStart().awaitLine(Pattern.compile("predecessor " + standIn.pid() + " is gone"));
    return next;
  }

  @Test
  void theChatLosesNoLine() throws Exception {
    try (AppProcess app = handover();
        Clients clients = new Clients()) {
      SocketAddress address = app.socketAddress("chat");
      List<RawHttp> wires = new ArrayList<>();
      AtomicIntegerArray generations = new AtomicIntegerArray(8);
      for (int i = 0; i < generations.length(); i++) {
        int number = i;
        RawHttp wire = RawHttp.connect(address);
        wires.add(wire);
        int[] line = {0};
        clients.repeat(
            () -> {
              // Two lines, of which the second is cut in two, so that half a line waits often.
              String first = "chatter-" + number + "-" + ++line[0];
              String second = "chatter-" + number + "-" + ++line[0];
              wire.send(first + "\n" + second.substring(0, 4));
              Clients.pause(2_000);
              wire.send(second.substring(4) + "\n");
              int last = answered(wire, line[0] - 1, first);
              int next = answered(wire, line[0], second);
              assertTrue(generations.get(number) <= last && last <= next, last + " " + next);
              generations.set(number, next);
            });
      }
      Generation newest = null;
      for (int i = 0; i < 3; i++) {
        newest = restart(app);
      }
      int last = newest.generation();
      assertEquals(7, last);
      Restarts.poll(
          "all are there",
          app,
          () -> IntStream.range(0, generations.length()).allMatch(i -> generations.get(i) == last));
      clients.finish();
      for (RawHttp wire : wires) {
        wire.close();
      }
    }
  }

  private static int answered(RawHttp wire, int number, String text) throws IOException {
    String answer = wire.line();
    String expected = number + " " + text + " ";
    assertTrue(answer.startsWith(expected), () -> "not " + expected + ": " + answer);
    return Integer.parseInt(answer.substring(expected.length()));
  }

  @Test
  void stateAndOwnershipGoThereAndBack() throws Exception {
    try (AppProcess app = handover();
        Clients clients = new Clients();
        RawHttp wire = RawHttp.connect(app.socketAddress("public"))) {
      SocketAddress address = app.socketAddress("public");
      int count = 0;
      for (int i = 0; i < 2; i++) {
        for (int k = 0; k < 10; k++) {
          assertEquals(++count + "\n", wire.get("/count").text());
        }
        Restarts.poll("the clock goes", app, () -> Ticks.at(address).count() > 0);
        Generation next = restart(app);
        Restarts.poll("the new clock goes", app, () -> Ticks.at(address).goesIn(next.generation()));
      }
      assertEquals(++count + "\n", wire.get("/count").text());
    }
  }

  /** The clock of each stands still before that of the next one goes. */
  @Test
  void ticksComeFromOneProcessAtATime() throws Exception {
    try (AppProcess app = handover()) {
      SocketAddress address = app.socketAddress("public");
      Restarts.poll("the clock goes", app, () -> Ticks.at(address).count() > 10);
      RawHttp askFirst = Ticks.half(address);
      RawHttp askFirstAgain = Ticks.half(address);
      final Generation standIn = Restarts.ask(app);
      Restarts.poll("the second goes", app, () -> Ticks.at(address).goesIn(2));
      RawHttp askSecond = Ticks.half(address);
      RawHttp askSecondAgain = Ticks.half(address);
      Ticks stopped = Ticks.rest(askFirst);
      assertEquals(1, stopped.generation());
      Restarts.poll("the second goes on", app, () -> Ticks.at(address).count() > 20);
      assertEquals(stopped, Ticks.rest(askFirstAgain));
      Restarts.poll("the third goes", app, () -> Ticks.at(address).goesIn(3));
      stopped = Ticks.rest(askSecond);
      assertEquals(2, stopped.generation());
      Restarts.poll("the third goes on", app, () -> Ticks.at(address).count() > 20);
      assertEquals(stopped, Ticks.rest(askSecondAgain));
      Restarts.awaitGone(app, standIn.pid());
      for (RawHttp wire : List.of(askFirst, askFirstAgain, askSecond, askSecondAgain)) {
        wire.close();
      }
    }
  }

  // Leaks.

  @Test
  void manyRestartsLeaveNothing() throws Exception {
    // That pool fills up with time, by what is done now and then.
    Predicate<String> counted = thread -> !thread.startsWith("vert.x-worker");
    SingleApp.Starter starter = Measure.steady(Doubles.starter());
    Path unix = starter.directory().resolve("http.sock");
    try (SingleApp app = starter.arguments("--unix", unix.toString()).start()) {
      Generation ignored = Doubles.restart(app);
      Measure first = Measure.of(app, counted);
      Load load = app.load();
      for (int i = 1; i < LEAK_RESTARTS; i++) {
        ignored = Doubles.restart(app);
      }
      assertNothingLost(
          load, IntStream.rangeClosed(3, 2 * LEAK_RESTARTS + 1).boxed().toArray(Integer[]::new));
      assertEquals(first, Measure.of(app, counted));
      awaitAlone(app, app.process().pid());
      app.process().signal("TERM");
      Doubles.awaitNobody(app);
      assertEmpty(app.temporaryDirectory());
      assertFalse(Files.exists(unix));
    }
  }
}
