package io.goagain.process;

import static io.goagain.process.SingleApp.assertNothingLost;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.load.Load;
import io.goagain.process.AppProcess.Generation;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Queue;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A successor that dies on probation is replaced by its predecessor; one that is stopped is not.
 */
@Timeout(1800)
class ProbationHandoverIT {
  private static final Pattern SPAWNED =
      Pattern.compile("spawned generation \\d+ as process (\\d+)");

  // A successor that dies.

  /** While the predecessor stands still, nobody accepts: what connects waits in the kernel. */
  @Test
  void thePredecessorAcceptsAgain() throws Exception {
    SingleApp.Starter starter = SingleApp.starter().option("probation", 5_000);
    Path path = starter.directory().resolve("http.sock");
    try (SingleApp app = starter.arguments("--unix", path.toString()).start();
        Clients clients = new Clients()) {
      AppProcess process = app.process();
      Generation first = process.newest();
      Object inode = inode(path);
      SocketAddress address = app.address("public");
      SocketAddress unix = app.address("unix");
      try (Wire half = Wire.held(address);
          Wire halfUnix = Wire.held(unix);
          RawHttp slow = RawHttp.connect(address).send(RawHttp.request("/slow?millis=4000"));
          RawHttp moves = RawHttp.connect(address)) {
        assertEquals(first.pid(), moves.pid());
        // The fourth is the one that asks.
        app.await("three are in flight", () -> app.status().getInteger("inFlight") == 4);
        process.signal("USR2");
        Generation second = process.awaitReady(2);
        Restarts.awaitMoved(process, first.pid(), second, List.of(moves));
        app.log("generation 1: handed over to generation 2, process " + second.pid());
        app.await("the compilers yield", () -> compilerPriorities(first.pid()).contains(19));

        process.signal(first.pid(), "STOP");
        List<RawHttp> queued = new ArrayList<>();
        try {
          kill(process, second.pid());
          moves.awaitEnd();
          for (int i = 0; i < 20; i++) {
            queued.add(RawHttp.connect(i % 2 == 0 ? address : unix).send(RawHttp.request("/")));
          }
        } finally {
          process.signal(first.pid(), "CONT");
        }
        for (RawHttp wire : queued) {
          RawHttp.Answer answer = bounded(clients, wire::answer);
          assertEquals(first.pid(), answer.pid(), wire::toString);
          if (answer.close()) {
            // Announced, so nothing is lost.
            wire.awaitEnd();
          } else {
            assertEquals(first.pid(), wire.pid(), wire::toString);
          }
          wire.close();
        }
        app.log("SUCCESSOR_LOST: Process " + second.pid() + " died after it was ready");
        assertEquals("SERVING", app.status().getString("state"));
        if (System.getProperty("user.name").equals("root")) {
          app.await(
              "the compilers have returned",
              () -> compilerPriorities(first.pid()).equals(Set.of(0)));
        }
        assertEquals(first.pid(), pid(clients, address));
        assertEquals(first.pid(), pid(clients, unix));
        assertEquals(inode, inode(path));

        // What had not moved goes on.
        assertEquals(200, half.finish().status());
        assertEquals(200, halfUnix.finish().status());
        assertEquals("slow 4000\n", bounded(clients, () -> slow.answer().text()));
      }

      Load load = app.load();
      Load unixLoad = app.load("unix");
      Generation again = Restarts.ask(process, first.pid());
      assertEquals(2, again.generation());
      app.exited(first.pid(), 0);
      assertNothingLost(load, 1, 2);
      assertNothingLost(unixLoad, 1, 2);
      assertEquals(inode, inode(path));
      app.awaitAlone(again.pid());
    }
  }

  /** Whatever its predecessor has heard of it when it dies. */
  @Test
  void theSuccessorDiesAsSoonAsItIsReady() throws Exception {
    try (SingleApp app = SingleApp.starter().option("probation", 5_000).start();
        Clients clients = new Clients()) {
      AppProcess process = app.process();
      Generation first = process.newest();
      for (int i = 0; i < 3; i++) {
        Generation second = Restarts.ask(process, first.pid());
        kill(process, second.pid());
        assertEquals(first.pid(), pid(clients, app.address("public")));
        app.log("SUCCESSOR_(LOST|EXITED): Process " + second.pid() + " ");
        app.await("it serves", () -> app.status().getString("state").equals("SERVING"));
      }
      Generation last = Restarts.ask(process, first.pid());
      assertEquals(last.pid(), pid(clients, app.address("public")));
    }
  }

  // A successor that is stopped.

  @Test
  void aStopOnProbationIsForGood() throws Exception {
    SingleApp.Starter starter = SingleApp.starter().option("probation", 30_000);
    Path path = starter.directory().resolve("http.sock");
    try (SingleApp app = starter.arguments("--unix", path.toString()).start();
        Wire held = Wire.held(app.address("public"))) {
      AppProcess process = app.process();
      Generation first = process.newest();
      app.await("one is in flight", () -> app.status().getInteger("inFlight") == 2);
      process.signal("USR2");
      Generation second = process.awaitReady(2);
      app.log("generation 1: handed over to generation 2, process " + second.pid());
      process.signal(second.pid(), "TERM");
      OptionalInt ignored = process.awaitExit(second.pid());
      app.await("nobody listens", () -> Wire.refused(app.address("public")));
      assertFalse(Files.exists(path, LinkOption.NOFOLLOW_LINKS));
      // What was begun is finished all the same.
      assertTrue(process.isAlive(first.pid()));
      assertEquals(200, held.finish().status());
      app.exited(first.pid(), 0);
      app.await("all have ended", () -> app.processes().isEmpty());
      assertEquals(0, app.count("SUCCESSOR_LOST"));
      assertTrue(Wire.refused(app.address("public")));
      assertFalse(Files.exists(path, LinkOption.NOFOLLOW_LINKS));
    }
  }

  /** The predecessor learns of the stop and of the end at the same instant. */
  @Test
  void aStopIsForGoodHoweverLateItIsHeardOf() throws Exception {
    for (int i = 0; i < 3; i++) {
      SingleApp.Starter starter = SingleApp.starter().option("probation", 30_000);
      Path path = starter.directory().resolve("http.sock");
      try (SingleApp app = starter.arguments("--unix", path.toString()).start()) {
        AppProcess process = app.process();
        Generation first = process.newest();
        process.signal("USR2");
        Generation second = process.awaitReady(2);
        app.log("generation 1: handed over to generation 2, process " + second.pid());
        process.signal(first.pid(), "STOP");
        try {
          process.signal(second.pid(), "TERM");
          OptionalInt ignored = process.awaitExit(second.pid());
        } finally {
          process.signal(first.pid(), "CONT");
        }
        app.exited(first.pid(), 0);
        assertEquals(0, app.count("SUCCESSOR_LOST"));
        assertFalse(Files.exists(path, LinkOption.NOFOLLOW_LINKS));
      }
    }
  }

  // Random kills.

  /**
   * A predecessor or a successor is killed at some time after a restart was asked for. Time is the
   * subject here: the moments are random.
   *
   * <p>A connection may be lost only if the killed process could own it:
   *
   * <ul>
   *   <li>it was answered last by that process, or
   *   <li>that process was the successor, to which it may have moved since its last answer: the
   *       predecessor had handed over, and had answered it for the last time before the kill, or
   *   <li>nobody had answered it yet, and its first request overlaps the kill.
   * </ul>
   *
   * <p>So none is lost that was answered by the survivor after the kill, or by a successor whose
   * predecessor was killed, and none that was opened after the kill. The load generator does not
   * tell who answered last on a connection, so these clients do it themselves.
   */
  @Test
  void randomKills() throws Exception {
    long seed = Long.getLong("goagain.seed", System.nanoTime());
    int rounds = Restarts.rounds(15, 200);
    System.out.printf("random kills: %d rounds, seed %d%n", rounds, seed);
    SplittableRandom random = new SplittableRandom(seed);
    SingleApp app = fresh();
    long newest = app.process().newest().pid();
    int starts = 1;
    int answered = 0;
    int lost = 0;
    try {
      for (int i = 0; i < rounds; i++) {
        try (Round round = new Round(app, newest, random)) {
          newest = round.run();
          answered += round.answered.size();
          lost += round.lost.size();
        } catch (AssertionError e) {
          throw new AssertionError("seed " + seed + ", round " + i + ": " + e.getMessage(), e);
        }
        if (newest < 0 && i < rounds - 1) {
          app.close();
          app = fresh();
          newest = app.process().newest().pid();
          starts++;
        }
      }
    } finally {
      app.close();
    }
    System.out.printf(
        "random kills: %d requests answered, %d lost with their process, %d fresh starts%n",
        answered, lost, starts);
  }

  private static SingleApp fresh() throws IOException {
    return SingleApp.starter().option("probation", 20_000).start();
  }

  /** One restart, and one kill. */
  private static final class Round implements AutoCloseable {
    /**
     * A request that was not answered.
     *
     * @param lastPid who answered last on its connection, or 0
     * @param lastStart when the request that was answered then was sent
     */
    private record Lost(long start, long end, long lastPid, long lastStart, String how) {}

    private final SingleApp app;
    private final AppProcess process;
    private final long old;
    private final boolean killOld;
    private final long delayMicros;
    private final int mark;
    private final Clients clients = new Clients();
    private final Queue<Long> answered = new ConcurrentLinkedQueue<>();
    private final Queue<Lost> lost = new ConcurrentLinkedQueue<>();

    Round(SingleApp app, long old, SplittableRandom random) {
      this.app = app;
      this.process = app.process();
      this.old = old;
      this.killOld = random.nextBoolean();
      this.delayMicros = random.nextInt(1_500_000);
      this.mark = process.lines().size();
      SocketAddress address = app.address("public");
      for (int i = 0; i < 12; i++) {
        new Client(address, i < 9, random.split()).start();
      }
    }

    @Override
    public String toString() {
      return "%s %d killed %d us after SIGUSR2"
          .formatted(killOld ? "predecessor" : "successor of", old, delayMicros);
    }

    /** Returns who serves in the end, or -1 if nobody can. */
    long run() throws Exception {
      Restarts.poll("requests are answered", process, () -> answered.size() > 100);
      process.signal(old, "USR2");
      Clients.pause(delayMicros);
      long killed = old;
      if (!killOld) {
        Restarts.poll("the spawn", process, () -> successor().isPresent());
        killed = successor().getAsLong();
      }
      long from = System.nanoTime();
      kill(process, killed);
      long to = System.nanoTime();

      boolean nobody = killOld && nobodyIsLeft();
      long survivor = -1;
      if (!nobody) {
        survivor = pid(clients, app.address("public"));
        assertEquals(killOld ? successor().orElse(survivor) : old, survivor, this::description);
        app.await("it serves", () -> state().equals("SERVING"));
        int before = answered.size();
        Restarts.poll("it answers", process, () -> answered.size() > before + 100);
      }
      clients.finish();
      boolean handedOver = handedOverTo(killed);
      for (Lost request : lost) {
        boolean could =
            nobody ? request.end > from : couldOwn(killed, handedOver, from, to, request);
        assertTrue(could, () -> request + " in [" + from + ", " + to + "]: " + description());
      }
      return survivor;
    }

    private boolean couldOwn(long killed, boolean handedOver, long from, long to, Lost request) {
      if (request.lastPid == 0) {
        return request.start <= to && request.end >= from;
      }
      boolean mayHaveMoved =
          killed != old && handedOver && request.lastPid == old && request.lastStart <= to;
      return request.end >= from && (request.lastPid == killed || mayHaveMoved);
    }

    /** It had not spawned yet; if it had, the successor goes on alone. */
    private boolean nobodyIsLeft() throws InterruptedException {
      // Once more after a while: a process that is about to become a program shows nothing.
      for (int i = 0; i < 2; i++) {
        if (!app.processes().isEmpty()) {
          return false;
        }
        Clients.pause(100_000);
      }
      process.close();
      assertEquals(OptionalLong.empty(), successor(), this::description);
      return true;
    }

    private OptionalLong successor() {
      List<String> lines = process.lines();
      for (String line : lines.subList(mark, lines.size())) {
        Matcher spawned = SPAWNED.matcher(line);
        if (spawned.find()) {
          return OptionalLong.of(Long.parseLong(spawned.group(1)));
        }
      }
      return OptionalLong.empty();
    }

    private boolean handedOverTo(long pid) {
      return process.lines().stream()
          .anyMatch(
              line -> line.matches(".*: handed over to generation \\d+, process " + pid + ",.*"));
    }

    private String state() {
      try {
        return bounded(clients, app::status).getString("state");
      } catch (Exception e) {
        throw new AssertionError(description(), e);
      }
    }

    private String description() {
      return process.failure(toString()).getMessage();
    }

    @Override
    public void close() {
      clients.close();
    }

    /** Sends requests on a connection until it is lost, or each on one of its own. */
    private final class Client {
      private final SocketAddress address;
      private final boolean keepsAlive;
      private final SplittableRandom random;
      private RawHttp wire;
      private long lastPid;
      private long lastStart;

      Client(SocketAddress address, boolean keepsAlive, SplittableRandom random) {
        this.address = address;
        this.keepsAlive = keepsAlive;
        this.random = random;
      }

      void start() {
        clients.start(
            () -> {
              while (!clients.stopped()) {
                request();
                Clients.pause(random.nextInt(10_000));
              }
              disconnect();
              return null;
            });
      }

      private void request() throws IOException {
        long start = System.nanoTime();
        try {
          if (wire == null) {
            lastPid = 0;
            wire = RawHttp.connect(address);
          }
          String body = random.nextBoolean() ? "" : "Content-Length: 4\r\n\r\nbody";
          String head = (body.isEmpty() ? "GET" : "POST") + " / HTTP/1.1\r\nHost: goagain\r\n";
          RawHttp.Answer answer = wire.send(head + (body.isEmpty() ? "\r\n" : body)).answer();
          lastPid = answer.pid();
          lastStart = start;
          answered.add(lastPid);
          if (answer.close() || !keepsAlive) {
            disconnect();
          }
        } catch (IOException e) {
          String how = wire + ", keeps alive: " + keepsAlive + ", " + e;
          lost.add(new Lost(start, System.nanoTime(), lastPid, lastStart, how));
          disconnect();
        }
      }

      private void disconnect() throws IOException {
        if (wire != null) {
          wire.close();
          wire = null;
        }
      }
    }
  }

  /** Kills a process, and returns when it is dead. */
  private static void kill(AppProcess process, long pid) throws InterruptedException {
    // Without a shell, so that it happens at a known time.
    assertTrue(ProcessHandle.of(pid).orElseThrow().destroyForcibly());
    OptionalInt ignored = process.awaitExit(pid);
  }

  /** Who answers on a new connection. */
  private static long pid(Clients clients, SocketAddress address) throws Exception {
    return bounded(
        clients,
        () -> {
          try (RawHttp wire = RawHttp.connect(address)) {
            return wire.pid();
          }
        });
  }

  private static <T> T bounded(Clients clients, Callable<T> call) throws Exception {
    return clients.start(call).get(AppProcess.LIMIT.toSeconds(), TimeUnit.SECONDS);
  }

  private static Object inode(Path path) throws IOException {
    return Files.getAttribute(path, "unix:ino", LinkOption.NOFOLLOW_LINKS);
  }

  /** The nineteenth field of proc(5)'s /proc/PID/task/TID/stat. */
  private static Set<Integer> compilerPriorities(long pid) throws IOException {
    Set<Integer> found = new HashSet<>();
    try (Stream<Path> threads = Files.list(Path.of("/proc/" + pid + "/task"))) {
      for (Path thread : threads.toList()) {
        String stat = Files.readString(thread.resolve("stat"));
        String name = stat.substring(stat.indexOf('('), stat.lastIndexOf(')'));
        if (name.contains(" Compiler")) {
          found.add(Integer.valueOf(stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1)[16]));
        }
      }
    }
    return found;
  }
}
