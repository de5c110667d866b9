package io.goagain.load;

import java.io.IOException;
import java.nio.channels.Selector;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** One client: a thread that sends one request after the other, each when it is due. */
final class Client implements Runnable {
  private final Load load;
  private final Recorder recorder;
  private final Workload workload;
  private final int index;
  private final SplittableRandom random;
  private final AtomicInteger connects = new AtomicInteger();
  private final AtomicInteger idleCloses = new AtomicInteger();
  private Connection connection;

  Client(Load load, Recorder recorder, Workload workload, int index) {
    this.load = load;
    this.recorder = recorder;
    this.workload = workload;
    this.index = index;
    this.random = new SplittableRandom(index);
  }

  Workload workload() {
    return workload;
  }

  /** How many connections it has had. */
  int connects() {
    return connects.get();
  }

  /** How many of them the server closed between two requests, cleanly, before the next was sent. */
  int idleCloses() {
    return idleCloses.get();
  }

  @Override
  public void run() {
    try (Selector selector = Selector.open()) {
      try {
        requests(selector);
      } finally {
        disconnect();
      }
    } catch (IOException e) {
      throw new IllegalStateException("no selector", e);
    }
  }

  private void requests(Selector selector) {
    if (workload.perSecond() == 0) {
      while (!load.stopped()) {
        request(selector, System.nanoTime());
      }
      return;
    }
    double interval = TimeUnit.SECONDS.toNanos(1) / workload.perSecond();
    for (long k = index; ; k += workload.clients()) {
      long due = load.startedAt() + Math.round(k * interval);
      if (!load.awaitDue(due)) {
        return;
      }
      request(selector, due);
    }
  }

  private void request(Selector selector, long due) {
    Workload.Answer answer = new Workload.Answer(0, 0);
    long waited = workload.waits().toNanos();
    Lost lost = null;
    try {
      if (load.givenUp()) {
        throw new Lost(Failure.NOT_SENT, workload.name() + " client " + index);
      }
      answer = send(selector, System.nanoTime() + waited + load.timeout().toNanos());
    } catch (Lost e) {
      lost = e;
      waited = 0;
    }
    long now = System.nanoTime();
    Failure failure = lost == null ? null : lost.failure();
    Sample sample =
        new Sample(
            workload.name(),
            due,
            now,
            Math.max(0, now - due - waited),
            failure,
            answer.generation(),
            answer.pid());
    String description = null;
    if (lost != null) {
      double seconds = (now - load.startedAt()) / 1e9;
      description =
          String.format("%8.3f s %s %s %s", seconds, failure, workload.name(), lost.getMessage());
    }
    recorder.add(sample, description);
    if (connection != null && !(workload.keepsAlive() && connection.reusable())) {
      disconnect();
    }
  }

  private Workload.Answer send(Selector selector, long deadline) throws Lost {
    if (connection != null && connection.closedWhileIdle()) {
      idleCloses.incrementAndGet();
      disconnect();
    }
    if (connection == null) {
      connection = Connection.open(workload.address(), selector, deadline);
      connects.incrementAndGet();
    }
    Workload.Request request = workload.next(random);
    String where = connection.toString();
    ResponseParser parsed = connection.exchange(request.bytes(), deadline);
    try {
      return request.check().check(parsed);
    } catch (Lost e) {
      throw new Lost(e.failure(), where + ": " + e.getMessage());
    }
  }

  private void disconnect() {
    if (connection != null) {
      connection.close();
      connection = null;
    }
  }
}
