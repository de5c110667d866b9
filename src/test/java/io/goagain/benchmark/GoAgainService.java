package io.goagain.benchmark;

import io.goagain.process.AppProcess;
import io.goagain.process.AppProcess.Generation;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** The example {@code single}. */
final class GoAgainService implements Service {
  private static final long ARCHIVE_SECONDS = 60;

  private final AppProcess process;
  private Generation newest;
  private Generation old;

  /** Starts it with options in addition to what all variants have. */
  GoAgainService(Path directory, String jar, List<String> options) throws IOException, Skipped {
    List<String> command =
        Programs.java(
            directory, "-Dgoagain.archive.delay=2000", "-jar", jar, "single", "--port", "0");
    // The probation is short, as a next restart waits for the end of it.
    String archive = options.contains("--archive") ? "auto" : "off";
    command.addAll(
        List.of("--options", "{\"probation\":500,\"archive\":\"%s\"}".formatted(archive)));
    command.addAll(options);
    process = Programs.start(directory, command);
    try {
      newest = process.awaitReady(1);
    } catch (AssertionError e) {
      process.close();
      if (process.isAlive(process.pid()) || process.lines().isEmpty()) {
        throw e;
      }
      throw new Skipped(process.lines().get(0));
    }
  }

  /** Waits for the archive that there is in the long run: its making would be measured too. */
  GoAgainService awaitArchive(Path archives) throws Exception {
    for (String quality : List.of("-basic-", "-full-")) {
      awaitArchive(archives, quality);
      Restart unused = restart();
      settle();
    }
    awaitArchive(archives, "-complete-");
    return this;
  }

  private void awaitArchive(Path archives, String quality) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(ARCHIVE_SECONDS);
    while (!hasArchive(archives, quality)) {
      if (System.nanoTime() - deadline > 0) {
        throw process.failure("no archive in " + ARCHIVE_SECONDS + " s");
      }
      // It is made of what has served.
      request();
      TimeUnit.MILLISECONDS.sleep(100);
    }
  }

  private void request() throws IOException {
    try (InputStream answer = URI.create("http://127.0.0.1:" + port()).toURL().openStream()) {
      answer.readAllBytes();
    }
  }

  @Override
  public int port() {
    return ((InetSocketAddress) process.socketAddress("public")).getPort();
  }

  @Override
  public boolean owns(long session) {
    return session == process.pid();
  }

  @Override
  public Restart restart() throws Exception {
    old = newest;
    long signalled = System.nanoTime();
    process.signal(old.pid(), "USR2");
    newest = process.awaitReady(old.generation() + 1);
    return new Restart(signalled, System.nanoTime());
  }

  @Override
  public void settle() throws Exception {
    process.awaitExit(old.pid());
  }

  @Override
  public void close() {
    process.close();
  }

  private static boolean hasArchive(Path archives, String quality) throws IOException {
    if (!Files.isDirectory(archives)) {
      return false;
    }
    try (Stream<Path> files = Files.list(archives)) {
      return files
          .map(file -> file.getFileName().toString())
          .anyMatch(name -> name.contains(quality) && name.endsWith(".jsa"));
    }
  }
}
