package io.goagain.process;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.process.AppProcess.Generation;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.SocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What an application knows goes on in the successor. */
@Timeout(300)
class StateHandoverIT {
  private static final int CHATTERS = 16;

  private static AppProcess handover() throws IOException {
    return AppProcess.start("handover", "--port", "0", "--chat", "0", "--options", Restarts.QUICK);
  }

  /** A client of the chat: its lines are numbered by it and by the server. */
  private static final class Chatter {
    private final SplittableRandom random;
    private final RawHttp wire;
    private final int number;
    private int lines;
    private volatile int generation = 1;

    Chatter(int number, SocketAddress address) throws IOException {
      this.number = number;
      this.random = new SplittableRandom(number);
      this.wire = RawHttp.connect(address);
    }

    /** Some lines in pieces of any size, cut anywhere, with pauses of up to 2 ms; then answers. */
    void talk() throws Exception {
      int batch = random.nextInt(1, 6);
      StringBuilder text = new StringBuilder();
      for (int i = 1; i <= batch; i++) {
        text.append(line(lines + i)).append('\n');
      }
      byte[] bytes = text.toString().getBytes(UTF_8);
      for (int at = 0; at < bytes.length; ) {
        int to = Math.min(bytes.length, at + random.nextInt(1, 20));
        wire.send(bytes, at, to);
        at = to;
        Clients.pause(random.nextInt(2_000));
      }
      for (int i = 0; i < batch; i++) {
        lines++;
        String answer = wire.line();
        String expected = lines + " " + line(lines) + " ";
        assertTrue(answer.startsWith(expected), () -> "not " + expected + ": " + answer);
        int from = Integer.parseInt(answer.substring(expected.length()));
        assertTrue(from >= generation, () -> "after " + generation + ": " + answer);
        generation = from;
      }
    }

    private String line(int n) {
      return "chatter-%d-line-%d".formatted(number, n);
    }
  }

  @Test
  void linesAreNeitherLostNorDoubledNorReordered() throws Exception {
    try (AppProcess app = handover();
        Clients clients = new Clients()) {
      SocketAddress address = app.socketAddress("chat");
      List<Chatter> chatters = new ArrayList<>();
      for (int i = 0; i < CHATTERS; i++) {
        Chatter chatter = new Chatter(i, address);
        chatters.add(chatter);
        clients.repeat(chatter::talk);
      }
      for (int i = 0; i < Restarts.COUNT; i++) {
        Generation next = Restarts.restart(app);
        for (Chatter chatter : chatters) {
          Restarts.poll("an answer of " + next, app, () -> chatter.generation == next.generation());
        }
      }
      clients.finish();
      for (int generation = 1; generation <= Restarts.COUNT; generation++) {
        JsonObject drained = Restarts.awaitDrained(app, generation);
        assertEquals(0, drained.getInteger("cut"), drained::toString);
        assertTrue(drained.getInteger("moved") >= CHATTERS, drained::toString);
      }
      for (Chatter chatter : chatters) {
        chatter.wire.close();
      }
    }
  }

  /** Counts one after the other, also while two generations live, one connection each. */
  @Test
  void theCounterGoesOnBetweenRequests() throws Exception {
    try (AppProcess app = handover();
        RawHttp wire = RawHttp.connect(app.socketAddress("public"))) {
      int count = 0;
      for (int i = 0; i < Restarts.COUNT; i++) {
        for (int k = 0; k < 10; k++) {
          assertEquals(++count + "\n", wire.get("/count").text());
        }
        Generation ignored = Restarts.restart(app);
      }
      assertEquals(++count + "\n", wire.get("/count").text());
    }
  }

  /** While two generations count, none of the requests may be missing in the end. */
  @Test
  void theCounterLosesNothingUnderLoad() throws Exception {
    try (AppProcess app = handover();
        Clients clients = new Clients()) {
      SocketAddress address = app.socketAddress("public");
      AtomicInteger counted = new AtomicInteger();
      for (int i = 0; i < 8; i++) {
        RawHttp wire = RawHttp.connect(address);
        clients.repeat(
            () -> {
              assertEquals(200, wire.get("/count").status());
              counted.incrementAndGet();
            });
      }
      for (int i = 0; i < Restarts.COUNT; i++) {
        int before = counted.get();
        Restarts.poll("more requests", app, () -> counted.get() > before + 1_000);
        Generation ignored = Restarts.restart(app);
      }
      clients.finish();
      try (RawHttp wire = RawHttp.connect(address)) {
        assertEquals(counted.get() + 1 + "\n", wire.get("/count").text());
      }
    }
  }

  /**
   * The clock of the old process stands still before that of the new one starts. The old one is
   * asked over connections that cannot move yet, as half a request was sent on them.
   */
  @Test
  void ticksComeFromOneProcessAtATime() throws Exception {
    try (AppProcess app = handover();
        Clients clients = new Clients()) {
      SocketAddress address = app.socketAddress("public");
      for (int i = 0; i < Restarts.COUNT; i++) {
        Generation old = app.newest();
        Restarts.poll("the clock goes", app, () -> Ticks.at(address).count() > 10);
        RawHttp first = Ticks.half(address);
        RawHttp second = Ticks.half(address);
        Generation next = Restarts.ask(app);
        Restarts.poll("the new clock goes", app, () -> Ticks.at(address).goesIn(next.generation()));
        Ticks stopped = rest(clients, first);
        assertEquals(old.generation(), stopped.generation());
        assertTrue(stopped.count() > 10);
        Restarts.poll("it goes on", app, () -> Ticks.at(address).count() > 20);
        assertEquals(stopped, rest(clients, second), "the old clock goes while the new one does");
        Restarts.awaitGone(app, old.pid());
        first.close();
        second.close();
      }
    }
  }

  private static Ticks rest(Clients clients, RawHttp wire) throws Exception {
    return clients
        .start(() -> Ticks.rest(wire))
        .get(AppProcess.LIMIT.toSeconds(), TimeUnit.SECONDS);
  }
}
