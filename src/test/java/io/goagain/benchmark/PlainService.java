package io.goagain.benchmark;

import io.goagain.process.AppProcess;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A Vert.x server without the library, of which somebody starts the next process. */
final class PlainService implements Service {
  private final Path directory;
  private final boolean overlaps;
  private final int port = Programs.freePort();
  private final Set<Long> sessions = new HashSet<>();
  private int generation;
  private AppProcess newest;
  private AppProcess old;

  /**
   * Starts it.
   *
   * @param overlaps whether the next process starts, on a socket of its own on the same port,
   *     before the one that serves is ended; otherwise after that
   */
  PlainService(Path directory, boolean overlaps) throws IOException {
    this.directory = directory;
    this.overlaps = overlaps;
    this.newest = start();
    newest.awaitReady(generation);
  }

  @Override
  public int port() {
    return port;
  }

  @Override
  public synchronized boolean owns(long session) {
    return sessions.contains(session);
  }

  @Override
  public Restart restart() throws Exception {
    old = newest;
    long signalled = System.nanoTime();
    if (!overlaps) {
      old.signal(old.pid(), "TERM");
      old.exitCode();
    }
    newest = start();
    newest.awaitReady(generation);
    long ready = System.nanoTime();
    if (overlaps) {
      old.signal(old.pid(), "TERM");
    }
    return new Restart(signalled, ready);
  }

  @Override
  public void settle() throws Exception {
    old.exitCode();
    old.close();
  }

  @Override
  public void close() {
    newest.close();
    if (old != null) {
      old.close();
    }
  }

  private AppProcess start() throws IOException {
    generation++;
    // Without the library, which a Vert.x that finds it takes sockets from.
    String classPath =
        Stream.of(System.getProperty("java.class.path").split(File.pathSeparator, -1))
            .filter(entry -> !entry.endsWith(File.separator + "classes"))
            .collect(Collectors.joining(File.pathSeparator));
    AppProcess started =
        Programs.start(
            directory,
            Programs.java(
                directory,
                "-classpath",
                classPath,
                PlainServer.class.getName(),
                Integer.toString(port),
                Boolean.toString(overlaps),
                Integer.toString(generation)));
    synchronized (this) {
      sessions.add(started.pid());
    }
    return started;
  }
}
