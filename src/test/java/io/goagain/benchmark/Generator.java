package io.goagain.benchmark;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * An open-loop load from one thread: requests are due at a fixed rate whatever the server does, and
 * latency counts from when they were due. Nothing is retried.
 *
 * <p>{@code io.goagain.load} checks every byte, with a thread for each client; this one is made to
 * take little of the processor that the server needs.
 */
final class Generator {
  private static final long TIMEOUT = Duration.ofSeconds(5).toNanos();
  private static final long CHECK = Duration.ofMillis(100).toNanos();

  private final InetSocketAddress address;
  private final List<Lane> lanes;
  private final Selector selector;
  private final Thread loop = new Thread(this::loop, "generator");
  private final Thread pacer = new Thread(this::pace, "pacer");
  private final Consumer<SelectionKey> ready = key -> ((Slot) key.attachment()).ready();
  private volatile boolean stopping;
  private volatile long nextDue;
  private volatile Throwable bug;

  Generator(int port, List<Lane> lanes) throws IOException {
    this.address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    this.lanes = lanes;
    this.selector = Selector.open();
  }

  void start() {
    nextDue = System.nanoTime();
    lanes.forEach(lane -> lane.start(nextDue));
    loop.setUncaughtExceptionHandler((thread, e) -> bug = e);
    loop.start();
    pacer.start();
  }

  /** Sends no more, waits for the answers, and closes the connections. */
  void stop() throws InterruptedException {
    stopping = true;
    selector.wakeup();
    loop.join();
    pacer.join();
    if (bug != null) {
      throw new IllegalStateException("the load generator broke", bug);
    }
  }

  private void loop() {
    try (selector) {
      long check = System.nanoTime() + CHECK;
      while (!stopping || !lanes.stream().allMatch(Lane::allFree)) {
        selector.select(ready, 20);
        long now = System.nanoTime();
        if (!stopping) {
          send(now);
        }
        if (now - check >= 0) {
          lanes.forEach(lane -> lane.timeOut(now - TIMEOUT));
          check = now + CHECK;
        }
      }
      lanes.forEach(Lane::close);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      stopping = true;
    }
  }

  private void send(long now) {
    long next = Long.MAX_VALUE;
    for (int i = 0; i < lanes.size(); i++) {
      Lane lane = lanes.get(i);
      lane.sendDue(now, address, selector);
      long in = lane.nextDue() - now;
      next = Math.min(next, in);
    }
    nextDue = now + next;
  }

  /** Wakes the loop when a request is due: the limit of a select is in milliseconds. */
  private void pace() {
    long woken = nextDue - 1;
    while (!stopping) {
      long next = nextDue;
      long wait = next - System.nanoTime();
      if (wait > 0) {
        LockSupport.parkNanos(wait);
      } else if (next != woken) {
        woken = next;
        selector.wakeup();
      } else {
        // The loop has not come to it, or has no client free.
        LockSupport.parkNanos(100_000);
        selector.wakeup();
      }
    }
  }
}
