package io.goagain.process;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;

/** Clients, each on a thread of its own. What one throws is a failure of the test. */
final class Clients implements AutoCloseable {
  private final ExecutorService threads =
      Executors.newCachedThreadPool(
          task -> {
            Thread thread = new Thread(task, "client");
            thread.setDaemon(true);
            return thread;
          });
  private final List<Future<?>> running = new ArrayList<>();
  private volatile boolean stopped;

  /** What one does over and over until it is told to stop. */
  interface Step {
    void run() throws Exception;
  }

  /** Starts a client that comes to an end by itself. */
  <T> Future<T> start(Callable<T> client) {
    Future<T> future = threads.submit(client);
    running.add(future);
    return future;
  }

  /** Starts a client that repeats something until {@link #finish}. */
  void repeat(Step step) {
    Future<?> ignored =
        start(
            () -> {
              while (!stopped) {
                step.run();
              }
              return null;
            });
  }

  /** Whether clients should come to their end. */
  boolean stopped() {
    return stopped;
  }

  /** Lets what clients do end, and throws what they threw. */
  void finish() throws InterruptedException {
    stopped = true;
    AssertionError error = null;
    for (Future<?> client : running) {
      Throwable cause = null;
      try {
        client.get(AppProcess.LIMIT.toSeconds(), TimeUnit.SECONDS);
      } catch (ExecutionException e) {
        cause = e.getCause();
      } catch (TimeoutException e) {
        cause = e;
      }
      if (cause != null && error == null) {
        error = new AssertionError("a client failed, maybe more than one: " + cause, cause);
      } else if (cause != null) {
        error.addSuppressed(cause);
      }
    }
    running.clear();
    if (error != null) {
      throw error;
    }
  }

  /** Lets time pass in a client: think time, or the pace of what it sends. */
  static void pause(long micros) throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.MICROSECONDS.toNanos(micros);
    for (long left = end - System.nanoTime(); left > 0; left = end - System.nanoTime()) {
      LockSupport.parkNanos(left);
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
    }
  }

  /** Interrupts what still runs, which closes its channels. */
  @Override
  public void close() {
    stopped = true;
    threads.shutdownNow();
  }
}
