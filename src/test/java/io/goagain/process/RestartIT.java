package io.goagain.process;

import static io.goagain.process.SingleApp.assertEmpty;
import static io.goagain.process.SingleApp.assertNothingLost;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.goagain.RestartFailure;
import io.goagain.load.Load;
import io.goagain.process.AppProcess.Generation;
import io.goagain.process.SingleApp.Reply;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.Socket;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a restart is for: the process is another one, and no client notices. */
@Timeout(300)
class RestartIT {

  @Test
  void signalReplacesTheProcess() throws Exception {
    try (SingleApp app = SingleApp.start()) {
      Generation first = app.process().newest();
      Load load = app.load();
      app.process().signal("USR2");
      Generation second = app.handedOver(first);
      assertNothingLost(load, 1, 2);
      assertEquals(0, app.process().exitCode());
      assertEquals(
          "hello generation=2 pid=" + second.pid() + "\n", Wire.fetch(app.address("public"), "/"));
      app.awaitAlone(second.pid());
    }
  }

  @Test
  void messageReplacesTheProcessAndTellsAboutIt() throws Exception {
    try (SingleApp app = SingleApp.start()) {
      Generation first = app.process().newest();
      Load load = app.load();
      Reply reply = app.restartWell(null);
      Generation second = app.process().awaitReady(2);
      assertEquals(
          Set.of("generation", "pid", "predecessorPid", "listeners", "readyMillis", "phases"),
          reply.body().fieldNames());
      assertEquals(2, reply.body().getInteger("generation"));
      assertEquals(second.pid(), reply.body().getLong("pid"));
      assertEquals(first.pid(), reply.body().getLong("predecessorPid"));
      assertEquals(new JsonArray().add("public").add("admin"), reply.body().getValue("listeners"));
      assertTrue(reply.body().getLong("readyMillis") > 0, reply::toString);
      assertNothingLost(load, 1, 2);
      assertEquals("SERVING", app.status().getString("state"));
    }
  }

  @Test
  void ipv6() throws Exception {
    try (ServerSocket probe = new ServerSocket(0, 1, InetAddress.getByName("::1"))) {
      assertTrue(probe.isBound());
    } catch (IOException e) {
      assumeTrue(false, "no ::1 here: " + e);
    }
    try (SingleApp app = SingleApp.starter().host("::1").start()) {
      assertTrue(app.process().address("public").startsWith("[0:0:0:0:0:0:0:1]:"));
      Load load = app.load();
      app.restartWell(null);
      assertNothingLost(load, 1, 2);
    }
  }

  @Test
  void unixPathStaysUntilTheLastGenerationStops() throws Exception {
    SingleApp.Starter starter = SingleApp.starter();
    Path path = starter.directory().resolve("http.sock");
    try (SingleApp app = starter.arguments("--unix", path.toString()).start()) {
      Load load = app.load("unix");
      Object inode = Files.getAttribute(path, "unix:ino");
      app.restartWell(null);
      app.restartWell(null);
      assertNothingLost(load, 1, 2, 3);
      assertEquals(inode, Files.getAttribute(path, "unix:ino"));
      long last = app.process().newest().pid();
      app.process().signal("TERM");
      app.exited(last, 0);
      assertFalse(Files.exists(path));
    }
  }

  @Test
  void abstractUnixPath() throws Exception {
    SingleApp.Starter starter = SingleApp.starter();
    String name = starter.directory().getFileName().toString();
    try (SingleApp app = starter.arguments("--unix", "@" + name).start()) {
      assertEquals("@" + name, app.process().address("unix"));
      Load load = app.load();
      AtomicBoolean over = new AtomicBoolean();
      AtomicInteger answers = new AtomicInteger();
      // Java's own sockets cannot have such an address.
      CompletableFuture<Void> abstractLoad =
          CompletableFuture.runAsync(
              () -> {
                while (!over.get()) {
                  assertTrue(fetchAbstract(name).contains("hello generation="));
                  answers.incrementAndGet();
                }
              });
      app.await("the first answers", () -> answers.get() > 10 || abstractLoad.isDone());
      app.restartWell(null);
      int before = answers.get();
      app.await("more answers", () -> answers.get() > before + 10 || abstractLoad.isDone());
      over.set(true);
      abstractLoad.join();
      assertTrue(fetchAbstract(name).contains("hello generation=2 "));
      assertNothingLost(load, 1, 2);
    }
  }

  private static String fetchAbstract(String name) {
    Epoll.ensureAvailability();
    Socket socket = Socket.newSocketDomain();
    try {
      assertTrue(socket.connect(new DomainSocketAddress("\0" + name)));
      ByteBuffer out =
          StandardCharsets.US_ASCII.encode(
              "GET / HTTP/1.1\r\nHost: goagain\r\nConnection: close\r\n\r\n");
      ByteBuffer request = ByteBuffer.allocateDirect(out.remaining()).put(out).flip();
      assertEquals(request.limit(), socket.write(request, 0, request.limit()));
      ByteBuffer in = ByteBuffer.allocateDirect(4096);
      int at = 0;
      // The socket does not block: 0 is "not yet", -1 the end.
      for (int n = 0; n >= 0; n = socket.read(in, at, in.capacity())) {
        at += n;
        Thread.onSpinWait();
      }
      byte[] answer = new byte[at];
      in.get(0, answer);
      return new String(answer, StandardCharsets.US_ASCII);
    } catch (IOException e) {
      throw new AssertionError("@" + name, e);
    } finally {
      try {
        socket.close();
      } catch (IOException e) {
        throw new AssertionError(e);
      }
    }
  }

  @Test
  void tcpConnectionsLiveOnInThePredecessor() throws Exception {
    try (SingleApp app = SingleApp.starter().arguments("--tcp", "0").start();
        Wire old = Wire.open(app.address("echo"))) {
      Generation first = app.process().newest();
      Load load = app.load();
      assertEquals("before", old.send("before").text(6));
      app.process().signal("USR2");
      app.process().awaitReady(2);
      try (Wire young = Wire.open(app.address("echo"))) {
        assertEquals("young", young.send("young").text(5));
        assertEquals("meanwhile", old.send("meanwhile").text(9));
        assertTrue(app.process().isAlive(first.pid()));
        old.close();
        app.handedOver(first);
        assertEquals("after", young.send("after").text(5));
      }
      assertNothingLost(load, 1, 2);
    }
  }

  @Test
  void severalInstancesShareAPort() throws Exception {
    int port;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
      port = free.getLocalPort();
    }
    several("--instances", "3", "--port", Integer.toString(port));
  }

  @Test
  void severalInstancesShareAPortThatTheKernelChose() throws Exception {
    several("--instances", "3");
  }

  private static void several(String... arguments) throws Exception {
    try (SingleApp app = SingleApp.starter().arguments(arguments).start()) {
      Load load = app.load();
      app.restartWell(null);
      app.restartWell(null);
      assertNothingLost(load, 1, 2, 3);
      JsonArray listeners = app.status().getJsonArray("listeners");
      assertEquals(2, listeners.size(), listeners::toString);
    }
  }

  @Test
  void threeInARowKeepThePort() throws Exception {
    try (SingleApp app = SingleApp.start()) {
      SocketAddress address = app.address("public");
      Load load = app.load();
      for (int i = 0; i < 3; i++) {
        Generation before = app.process().newest();
        app.process().signal("USR2");
        Generation after = app.handedOver(before);
        load.awaitRequests(20);
        assertEquals(
            "hello generation=%d pid=%d\n".formatted(after.generation(), after.pid()),
            Wire.fetch(address, "/"));
      }
      assertNothingLost(load, 1, 2, 3, 4);
    }
  }

  /** However many come while a restart is under way, they mean one more. */
  @ParameterizedTest
  @ValueSource(ints = {2, 10})
  void manySignalsAreTwoRestarts(int signals) throws Exception {
    try (SingleApp app = SingleApp.start()) {
      Generation first = app.process().newest();
      Load load = app.load();
      app.process().signal("USR2");
      app.spawned(2);
      // Only now: the kernel may merge two that nobody has taken yet.
      for (int i = 1; i < signals; i++) {
        app.process().signal(first.pid(), "USR2");
      }
      Generation second = app.handedOver(first);
      Generation third = app.handedOver(second);
      app.log("generation 3: predecessor " + second.pid() + " is gone");
      // Had it remembered one more, it would have begun with that line.
      assertEquals("SERVING", app.status().getString("state"));
      assertNothingLost(load, 1, 2, 3);
      assertEquals(third, app.process().newest());
      app.awaitAlone(third.pid());
    }
  }

  @Test
  void waitsForThePredecessorThatDrains() throws Exception {
    try (SingleApp app = SingleApp.start();
        Wire held = Wire.held(app.address("public"))) {
      Generation first = app.process().newest();
      Load load = app.load();
      app.process().signal("USR2");
      Generation second = app.process().awaitReady(2);
      Reply refusal = app.restart();
      assertEquals(500, refusal.status(), refusal::toString);
      assertEquals(RestartFailure.IN_PROGRESS.code(), refusal.code(), refusal::toString);
      assertTrue(refusal.message().contains(Long.toString(first.pid())), refusal::toString);
      app.process().signal(second.pid(), "USR2");
      app.log("a restart is remembered");
      load.awaitRequests(20);
      assertEquals(0, app.count("spawned generation 3"));
      held.finish();
      app.handedOver(first);
      app.handedOver(second);
      assertNothingLost(load, 1, 2, 3);
    }
  }

  @Test
  void signalToThePredecessorThatDrainsIsPassedOn() throws Exception {
    try (SingleApp app = SingleApp.start();
        Wire held = Wire.held(app.address("public"))) {
      Generation first = app.process().newest();
      Load load = app.load();
      app.process().signal("USR2");
      Generation second = app.process().awaitReady(2);
      app.process().signal(first.pid(), "USR2");
      app.log("a restart is remembered");
      held.finish();
      app.handedOver(first);
      app.handedOver(second);
      assertNothingLost(load, 1, 2, 3);
    }
  }

  @Test
  void secondMessageIsToldThatOneIsInProgress() throws Exception {
    try (SingleApp app = SingleApp.start()) {
      Load load = app.load();
      CompletableFuture<Reply> first = app.restartLater(new JsonObject());
      app.spawned(2);
      Reply second = app.restart();
      // Too late it would be answered by the successor, or be a restart: not with a JVM to boot.
      assertEquals(RestartFailure.IN_PROGRESS.code(), second.code(), second::toString);
      assertEquals(200, first.join().status(), () -> first.join().toString());
      app.process().awaitReady(2);
      assertNothingLost(load, 1, 2);
    }
  }

  @Test
  void requestInFlightFinishesInThePredecessor() throws Exception {
    try (SingleApp app = SingleApp.start();
        Wire held = Wire.held(app.address("public"))) {
      Generation first = app.process().newest();
      Load load = app.load();
      app.process().signal("USR2");
      app.process().awaitReady(2);
      load.awaitRequests(50);
      assertTrue(app.process().isAlive(first.pid()));
      Wire.Answer answer = held.finish();
      assertEquals(200, answer.status());
      if (!answer.closes()) {
        // The connection moves, now that nothing is in flight.
        app.await(
            "the successor answers on it",
            () -> held.send(Wire.get("/")).answer().body().startsWith("hello generation=2 "));
      }
      app.handedOver(first);
      assertNothingLost(load, 1, 2);
      app.log("generation 1: drained: .*\"cut\":0");
    }
  }

  @Test
  void drainTimeoutCutsLogsAndCountsWhatIsLeft() throws Exception {
    try (SingleApp app = SingleApp.start();
        Wire held = Wire.held(app.address("public"))) {
      Generation first = app.process().newest();
      Load load = app.load(SingleApp.busy(app.address("public")));
      Reply reply = app.restart(new JsonObject().put("drainTimeout", 4000));
      assertEquals(200, reply.status(), reply::toString);
      held.awaitEnd();
      app.handedOver(first);
      assertNothingLost(load, 1, 2);
      app.log(
          "drain: 1 connection\\(s\\) were still open after .* closed: HTTP_1 from .*"
              + " on \"public\" with 1 in flight");
      app.log("generation 1: drained: .*\"cut\":1,");
    }
  }

  @Test
  void messageStops() throws Exception {
    try (SingleApp app = SingleApp.starter().option("drainTimeout", 10_000).start();
        Wire held = Wire.held(app.address("public"))) {
      CompletableFuture<Reply> stopped =
          CompletableFuture.supplyAsync(
              () -> {
                try {
                  return app.post("/stop", "");
                } catch (IOException e) {
                  throw new AssertionError("no reply to goagain.stop", e);
                }
              });
      app.await("nobody listens", () -> Wire.refused(app.address("public")));
      assertEquals(200, held.finish().status());
      held.close();
      assertEquals(0, app.process().exitCode());
      assertEquals(200, stopped.join().status());
      assertTrue(stopped.join().body().getBoolean("stopping"), () -> stopped.join().toString());
    }
  }

  @Test
  void termDrains() throws Exception {
    try (SingleApp app = SingleApp.start();
        Wire held = Wire.held(app.address("public"))) {
      app.process().signal("TERM");
      app.await("nobody listens", () -> Wire.refused(app.address("public")));
      assertTrue(app.process().isAlive(app.process().pid()));
      // It may be answered before its connection is told to close, so that is not looked at.
      assertEquals(200, held.finish().status());
      held.close();
      assertEquals(0, app.process().exitCode());
      app.log("generation 1: drained: .*\"cut\":0,");
    }
  }

  @Test
  void secondTermExitsAtOnce() throws Exception {
    try (SingleApp app = SingleApp.start();
        Wire held = Wire.held(app.address("public"))) {
      app.process().signal("TERM");
      app.await("nobody listens", () -> Wire.refused(app.address("public")));
      app.process().signal("TERM");
      assertEquals(143, app.process().exitCode());
      held.awaitEnd();
    }
  }

  @Test
  void termDuringARestartStopsEverything() throws Exception {
    try (SingleApp app = SingleApp.start()) {
      JsonArray hanging = new JsonArray().add("sleep").add("60");
      CompletableFuture<Reply> restart = app.restartLater(new JsonObject().put("command", hanging));
      long successor = app.spawned(2);
      app.process().signal("TERM");
      Reply reply = restart.join();
      assertEquals(RestartFailure.STOPPING.code(), reply.code(), reply::toString);
      assertEquals(0, app.process().exitCode());
      assertFalse(app.process().isAlive(successor));
      assertEquals(Set.of(), app.processes());
    }
  }

  @Test
  void hupAndUsr1DoNotEndTheProcess() throws Exception {
    try (SingleApp app = SingleApp.start()) {
      Load load = app.load();
      app.process().signal("HUP");
      app.process().signal("USR1");
      load.awaitRequests(50);
      app.process().signal("HUP");
      app.process().signal("USR1");
      load.awaitRequests(50);
      assertNothingLost(load, 1);
      assertTrue(app.process().isAlive(app.process().pid()));
    }
  }

  @Test
  void pidFileNamesTheNewestGeneration() throws Exception {
    SingleApp.Starter starter = SingleApp.starter();
    Path directory = Files.createDirectory(starter.directory().resolve("run"));
    Path file = directory.resolve("app.pid");
    try (SingleApp app = starter.option("pidFile", file.toString()).start();
        Wire held = Wire.held(app.address("public"))) {
      Generation first = app.process().newest();
      assertEquals(first.pid() + "\n", Files.readString(file));
      Load load = app.load();
      Reply failed = app.restart(new JsonObject().put("command", new JsonArray().add("false")));
      assertEquals(RestartFailure.SUCCESSOR_EXITED.code(), failed.code(), failed::toString);
      assertEquals(first.pid() + "\n", Files.readString(file));
      app.process().signal("USR2");
      Generation second = app.process().awaitReady(2);
      assertEquals(second.pid() + "\n", Files.readString(file));
      held.finish();
      held.close();
      app.handedOver(first);
      assertEquals(second.pid() + "\n", Files.readString(file));
      assertNothingLost(load, 1, 2);
      app.process().signal("TERM");
      app.exited(second.pid(), 0);
      assertEmpty(directory);
    }
  }

  @Test
  void successorMayWantAnotherPort() throws Exception {
    SingleApp.Starter starter = SingleApp.starter();
    Path path = starter.directory().resolve("http.sock");
    try (SingleApp app = starter.arguments("--unix", path.toString()).start()) {
      SocketAddress old = app.address("public");
      int port;
      try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
        port = free.getLocalPort();
      }
      Load load = app.load("unix");
      JsonArray command = SingleApp.command(app.process().pid());
      command.set(command.getList().indexOf("--port") + 1, Integer.toString(port));
      Reply reply = app.restartWell(new JsonObject().put("command", command));
      SocketAddress young = new InetSocketAddress("127.0.0.1", port);
      assertTrue(Wire.fetch(young, "/").startsWith("hello generation=2 "));
      assertTrue(Wire.refused(old));
      assertTrue(reply.body().getJsonArray("listeners").contains("public"), reply::toString);
      app.log("listener \"public\" on 127.0.0.1:.* no server of this version adopted it: closed");
      app.log("listening public 127.0.0.1:" + port);
      assertNothingLost(load, 1, 2);
    }
  }

  /** As {@code systemctl kill -s USR2} does it: the successor does not listen to signals yet. */
  @Test
  void successorSurvivesASignalThatItDoesNotTakeYet() throws Exception {
    try (SingleApp app = SingleApp.start()) {
      Load load = app.load();
      CompletableFuture<Reply> restart = app.restartLater(new JsonObject());
      app.process().signal(app.spawned(2), "USR2");
      assertEquals(200, restart.join().status(), () -> restart.join().toString());
      app.process().awaitReady(2);
      assertNothingLost(load, 1, 2);
    }
  }
}
