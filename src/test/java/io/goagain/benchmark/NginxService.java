package io.goagain.benchmark;

import io.goagain.process.AppProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

/** nginx with one worker, which replaces its program as its manual says. */
final class NginxService implements Service {
  private static final Pattern WORKS = Pattern.compile("start worker process \\d+");

  private final Path directory;
  private final int port = Programs.freePort();
  private final AppProcess process;
  private final long session;
  private long newest;
  private long old;

  /** Starts it. */
  NginxService(Path directory) throws IOException, Skipped {
    String program = Programs.find("nginx");
    this.directory = directory;
    Path configuration = directory.resolve("nginx.conf");
    Files.writeString(
        configuration,
        """
        daemon on;
        worker_processes 1;
        user root;
        pid %1$s/nginx.pid;
        error_log stderr notice;
        events { worker_connections 1024; }
        http {
          access_log off;
          keepalive_requests 100000000;
          client_body_temp_path %1$s/body;
          proxy_temp_path %1$s/proxy;
          fastcgi_temp_path %1$s/fastcgi;
          uwsgi_temp_path %1$s/uwsgi;
          scgi_temp_path %1$s/scgi;
          server {
            listen 127.0.0.1:%2$d;
            location / { return 200 "hello generation=1 pid=1\\n"; }
          }
        }
        """
            .formatted(directory, port));
    process =
        Programs.start(directory, List.of(program, "-e", "stderr", "-c", configuration.toString()));
    process.awaitLine(WORKS);
    // In the foreground it takes its parent for an nginx that it is to succeed, and refuses
    // SIGUSR2.
    newest = master();
    session = newest;
  }

  @Override
  public int port() {
    return port;
  }

  @Override
  public boolean owns(long session) {
    return this.session == session;
  }

  @Override
  public Restart restart() throws Exception {
    old = newest;
    long signalled = System.nanoTime();
    process.signal(old, "USR2");
    process.awaitLine(WORKS);
    long ready = System.nanoTime();
    process.signal(old, "WINCH");
    process.signal(old, "QUIT");
    newest = master();
    return new Restart(signalled, ready);
  }

  @Override
  public void settle() throws Exception {
    process.awaitExit(old);
  }

  @Override
  public void close() {
    process.close();
  }

  private long master() throws IOException {
    return Long.parseLong(Files.readString(directory.resolve("nginx.pid")).strip());
  }
}
