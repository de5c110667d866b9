package io.goagain.load;

import java.net.SocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * An open-loop load: every request is due at a time fixed in advance, is sent then or as soon after
 * as its client is free, and its latency counts from when it was due. So a server that stalls makes
 * all the requests late that fell into the stall, not only those that happened to be in flight.
 *
 * <p>Nothing is retried: every request that is lost is counted, with how.
 */
public final class Load implements AutoCloseable {
  private static final Duration BOUND = Duration.ofSeconds(60);

  private final List<Workload> workloads = new ArrayList<>();
  private final List<Client> clients = new ArrayList<>();
  private final List<Thread> threads = new ArrayList<>();
  private final Queue<Throwable> bugs = new ConcurrentLinkedQueue<>();
  private final Recorder recorder = new Recorder();
  private Duration timeout = Duration.ofSeconds(10);
  private volatile long startedAt;
  private volatile long stoppedAt;
  private volatile boolean stopped;

  /** A load without workloads yet. */
  public Load() {}

  /** About 600 requests a second in all that a client does, by 36 clients. */
  public static Load usual(SocketAddress address) {
    return new Load()
        .add(Workload.gets(address, 16, 400))
        .add(Workload.connects(address, 4, 100))
        .add(Workload.echoes(address, 8, 96))
        .add(Workload.slow(address, 8, 4, Duration.ofMillis(1500)));
  }

  /** n connections, each sending GETs back to back. */
  public static Load keepAlive(SocketAddress address, int n) {
    return new Load().add(Workload.keepAlive(address, n));
  }

  /** Adds a workload, before the start. */
  public Load add(Workload workload) {
    workloads.add(workload);
    return this;
  }

  /** Limits each request, connecting included, from when it is sent; 10 s unless said. */
  public Load timeout(Duration timeout) {
    this.timeout = timeout;
    return this;
  }

  /** Starts all clients. */
  public Load start() {
    if (!threads.isEmpty()) {
      throw new IllegalStateException("started before");
    }
    for (Workload workload : workloads) {
      for (int i = 0; i < workload.clients(); i++) {
        Client client = new Client(this, recorder, workload, i);
        Thread thread = new Thread(client, "load-" + workload.name() + "-" + i);
        thread.setDaemon(true);
        thread.setUncaughtExceptionHandler((t, e) -> bugs.add(e));
        clients.add(client);
        threads.add(thread);
      }
    }
    startedAt = System.nanoTime();
    threads.forEach(Thread::start);
    return this;
  }

  /**
   * Stops, lets every request end that was due before, and reports. Takes no longer than twice the
   * timeout and the longest wait.
   */
  public Report stop() throws InterruptedException {
    if (!stopped) {
      stoppedAt = System.nanoTime();
      stopped = true;
    }
    threads.forEach(LockSupport::unpark);
    Duration wait = Duration.ZERO;
    for (Workload workload : workloads) {
      wait = workload.waits().compareTo(wait) > 0 ? workload.waits() : wait;
    }
    long deadline = stoppedAt + timeout.multipliedBy(2).plus(wait).plusSeconds(1).toNanos();
    for (Thread thread : threads) {
      thread.join(Math.max(1, TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime())));
      while (thread.isAlive()) {
        thread.interrupt();
        thread.join(1000);
      }
    }
    return report();
  }

  /** What has happened up to now. */
  public Report report() {
    if (!bugs.isEmpty()) {
      throw new IllegalStateException("a client broke", bugs.peek());
    }
    return new Report(startedAt, recorder.samples(), recorder.described(), List.copyOf(clients));
  }

  /** Waits until this many more requests have ended, well or not. */
  public void awaitRequests(int count) throws InterruptedException {
    if (!recorder.awaitMore(count, System.nanoTime() + BOUND.toNanos())) {
      throw new IllegalStateException("not " + count + " more requests in 60 s: " + report());
    }
  }

  /** Stops, where {@link #stop()} has not been called. */
  @Override
  public void close() {
    try {
      Report ignored = stop();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  Duration timeout() {
    return timeout;
  }

  long startedAt() {
    return startedAt;
  }

  boolean stopped() {
    return stopped;
  }

  /** Whether it is too late to send what was due before the stop. */
  boolean givenUp() {
    return stopped && System.nanoTime() - stoppedAt > timeout.toNanos();
  }

  /** Waits until a request is due, and returns false if the load stops before. */
  boolean awaitDue(long due) {
    while (true) {
      if (stopped && due - stoppedAt >= 0) {
        return false;
      }
      long nanos = due - System.nanoTime();
      if (nanos <= 0) {
        return true;
      }
      LockSupport.parkNanos(this, nanos);
    }
  }
}
