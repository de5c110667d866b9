package io.goagain.benchmark;

import io.goagain.process.AppProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

/** HAProxy with a master and one worker of one thread, which is reloaded. */
final class HaproxyService implements Service {
  private static final Pattern WORKS = Pattern.compile("New worker .*\\((\\d+)\\) forked");
  private static final Pattern LOADED = Pattern.compile("Loading success");

  private final int port = Programs.freePort();
  private final AppProcess process;
  private long worker;
  private long old;

  /** Starts it. */
  HaproxyService(Path directory) throws IOException, Skipped {
    String program = Programs.find("haproxy");
    Path configuration = directory.resolve("haproxy.cfg");
    Files.writeString(
        configuration,
        """
        global
          nbthread 1
          hard-stop-after 10s
        defaults
          mode http
          timeout client 60s
        frontend benchmark
          bind 127.0.0.1:%d
          http-request return status 200 content-type text/plain string "hello generation=1 pid=1\\n"
        """
            .formatted(port));
    process =
        Programs.start(directory, List.of(program, "-W", "-db", "-f", configuration.toString()));
    worker = awaitWorker();
  }

  @Override
  public int port() {
    return port;
  }

  @Override
  public boolean owns(long session) {
    return session == process.pid();
  }

  @Override
  public Restart restart() throws Exception {
    old = worker;
    long signalled = System.nanoTime();
    process.signal(process.pid(), "USR2");
    worker = awaitWorker();
    return new Restart(signalled, System.nanoTime());
  }

  @Override
  public void settle() throws Exception {
    process.awaitExit(old);
  }

  @Override
  public void close() {
    process.close();
  }

  private long awaitWorker() {
    long forked = Long.parseLong(process.awaitLine(WORKS).group(1));
    process.awaitLine(LOADED);
    return forked;
  }
}
