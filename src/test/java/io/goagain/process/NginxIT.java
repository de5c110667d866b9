package io.goagain.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.goagain.Generation;
import io.goagain.GoAgainServerFactory;
import io.goagain.ListenOptions;
import io.goagain.RestartMessages;
import io.goagain.RestartVerticle;
import io.goagain.load.Load;
import io.goagain.load.Report;
import io.goagain.load.Workload;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.json.JsonObject;
import java.io.File;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Behind an nginx that keeps connections alive and sends nothing twice, no request is lost. */
@Timeout(600)
class NginxIT {
  private static final int GETTERS = 16;
  private static final int POSTERS = 12;
  private static final int CLIENTS = GETTERS + POSTERS;

  private static final Pattern LISTENING = Pattern.compile("using the \"\\w+\" event method");

  @TempDir private Path directory;
  private Path nginx;

  @BeforeEach
  void findNginx() {
    List<String> places = new ArrayList<>(List.of(System.getenv("PATH").split(File.pathSeparator)));
    places.addAll(List.of("/usr/sbin", "/usr/local/sbin"));
    Optional<Path> found =
        places.stream().map(place -> Path.of(place, "nginx")).filter(Files::isExecutable).findAny();
    assumeTrue(found.isPresent(), () -> "nginx is not installed: it is in none of " + places);
    nginx = found.get();
  }

  /** Every connection that nginx makes lives through all restarts that follow. */
  @Test
  void itsConnectionsMove() throws Exception {
    NavigableMap<Integer, Set<Integer>> peers = peers(restartUnderLoad(true));
    Set<Integer> all = peers.values().stream().flatMap(Set::stream).collect(Collectors.toSet());
    // It connects when all that it has are busy, and no client has more than one request open.
    assertTrue(all.size() <= CLIENTS, peers::toString);
    for (int generation = 2; generation <= Restarts.COUNT + 1; generation++) {
      assertFalse(
          Collections.disjoint(peers.get(generation - 1), peers.get(generation)), peers::toString);
    }
  }

  /** Each is told to close with an answer, or closed while it is idle. */
  @Test
  void itsConnectionsAreClosed() throws Exception {
    List<Proxied> proxied = restartUnderLoad(false);
    NavigableMap<Integer, Set<Integer>> peers = peers(proxied);
    peers.forEach(
        (generation, ports) -> {
          long requests = proxied.stream().filter(r -> r.generation == generation).count();
          assertTrue(ports.size() < requests / 10, () -> requests + " on " + peers);
        });
  }

  /** Returns what nginx says of each request. */
  private List<Proxied> restartUnderLoad(boolean handover) throws Exception {
    try (AppProcess app = startApp(handover)) {
      Report report = restartBehindNginx(app);
      List<Proxied> proxied;
      try (Stream<String> lines = Files.lines(directory.resolve("access.log"))) {
        proxied = lines.map(Proxied::of).toList();
      }
      String connections =
          peers(proxied).entrySet().stream()
              .map(generation -> generation.getKey() + ": " + generation.getValue().size())
              .collect(Collectors.joining(", "));
      System.out.printf(
          "nginx, handover %s: %s; upstream connections by generation: %s%n",
          handover, report, connections);

      Supplier<String> what = () -> app.failure(report.toString()).getMessage();
      assertEquals("", Files.readString(directory.resolve("error.log")), what);
      assertEquals(Map.of(), report.failures(), what);
      Set<Integer> all =
          IntStream.rangeClosed(1, Restarts.COUNT + 1).boxed().collect(Collectors.toSet());
      assertEquals(all, report.generations().keySet(), report::toString);
      assertEquals(report.requests(), proxied.size(), report::toString);
      for (Proxied request : proxied) {
        assertEquals("200", request.status, request::toString);
        assertEquals("200", request.upstreamStatus, request::toString);
      }
      for (String method : List.of("GET", "POST")) {
        assertEquals(
            all,
            proxied.stream()
                .filter(r -> r.method.equals(method))
                .map(r -> r.generation)
                .collect(Collectors.toSet()),
            method);
      }
      for (int generation = 1; generation <= Restarts.COUNT; generation++) {
        JsonObject drained = Restarts.awaitDrained(app, generation);
        assertEquals(0, drained.getInteger("cut"), drained::toString);
        assertEquals(handover, drained.getInteger("moved") > 0, drained::toString);
        assertEquals(!handover, drained.getInteger("closed") > 0, drained::toString);
      }
      return proxied;
    }
  }

  /** Returns when the load is over and nginx has ended. */
  private Report restartBehindNginx(AppProcess app) throws Exception {
    try (AppProcess proxy = startNginx((InetSocketAddress) app.socketAddress("public"));
        Load load = load().start()) {
      for (int i = 0; i < Restarts.COUNT; i++) {
        load.awaitRequests(1_000);
        assertEquals(i + 2, Restarts.restart(app).generation());
      }
      load.awaitRequests(1_000);
      Report report = load.stop();
      // Not QUIT, which a JVM blocks, and what it starts inherits that.
      proxy.signal(proxy.pid(), "TERM");
      assertEquals(0, proxy.exitCode(), () -> proxy.failure("exit code of nginx").getMessage());
      return report;
    }
  }

  /** The connections that each generation answered on. */
  private static NavigableMap<Integer, Set<Integer>> peers(List<Proxied> proxied) {
    return proxied.stream()
        .collect(
            Collectors.groupingBy(
                Proxied::generation,
                TreeMap::new,
                Collectors.mapping(Proxied::peer, Collectors.toCollection(TreeSet::new))));
  }

  // nginx.

  private SocketAddress front() {
    return UnixDomainSocketAddress.of(directory.resolve("nginx.sock"));
  }

  private Load load() {
    return new Load()
        .add(Workload.gets(front(), GETTERS, 700))
        .add(Workload.echoes(front(), POSTERS, 300));
  }

  /** Returns when it listens. */
  private AppProcess startNginx(InetSocketAddress application) throws IOException {
    // Limits are such that it keeps all connections, and all bodies in memory.
    String configuration =
        """
        daemon off;
        master_process off;
        pid nginx.pid;
        error_log error.log warn;
        error_log stderr notice;
        events {
          worker_connections 1024;
        }
        http {
          log_format requests '$request_method $status $upstream_http_goagain_generation'
              ' $upstream_http_goagain_peer $upstream_status';
          access_log access.log requests;
          client_body_temp_path body;
          proxy_temp_path proxy;
          fastcgi_temp_path fastcgi;
          uwsgi_temp_path uwsgi;
          scgi_temp_path scgi;
          upstream application {
            server 127.0.0.1:PORT;
            keepalive 32;
            keepalive_requests 1000000;
          }
          server {
            listen unix:nginx.sock;
            keepalive_requests 1000000;
            client_body_buffer_size 128k;
            location / {
              proxy_pass http://application;
              proxy_http_version 1.1;
              proxy_set_header Connection "";
              proxy_next_upstream off;
              proxy_buffers 32 8k;
            }
          }
        }
        """;
    Path file = directory.resolve("nginx.conf");
    Files.writeString(file, configuration.replace("PORT", Integer.toString(application.getPort())));
    List<String> command =
        List.of(
            nginx.toString(), "-p", directory.toString(), "-c", file.toString(), "-e", "stderr");
    AppProcess proxy = AppProcess.run(command, Map.of(), directory);
    try {
      MatchResult ignored = proxy.awaitLine(LISTENING);
      return proxy;
    } catch (AssertionError e) {
      proxy.close();
      throw e;
    }
  }

  /**
   * A line of nginx's log.
   *
   * @param generation who answered
   * @param peer the port of nginx's end of the connection, which stays when the connection moves
   * @param upstreamStatus more than one, with commas, if it asked more than once
   */
  private record Proxied(
      String method, String status, int generation, int peer, String upstreamStatus) {
    static Proxied of(String line) {
      String[] words = line.split(" ", 5);
      return new Proxied(words[0], words[1], number(words[2]), number(words[3]), words[4]);
    }

    /** Without an answer, nginx writes "-" for what it would have said. */
    private static int number(String word) {
      return word.equals("-") ? 0 : Integer.parseInt(word);
    }
  }

  // The application.

  private static AppProcess startApp(boolean handover) throws Exception {
    Path classes =
        Path.of(NginxIT.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    List<String> command = new ArrayList<>();
    command.add(AppProcess.java());
    command.addAll(AppProcess.FAST);
    command.addAll(List.of("-cp", AppProcess.examples() + File.pathSeparator + classes));
    command.addAll(List.of(App.class.getName(), Boolean.toString(handover), Restarts.QUICK));
    return AppProcess.run(command, Map.of("_JAVA_SR_SIGNUM", "35"), null);
  }

  /** Answers as the example does, and says who it is and on which connection. */
  static final class App {
    private static final Generation GENERATION = Generation.current();

    private App() {}

    /** Runs one generation; the arguments are handover, and the options of RestartVerticle. */
    public static void main(String[] args) {
      Vertx vertx = Vertx.vertx();
      GoAgainServerFactory.create(vertx)
          .deployHttpServer(
              "public",
              new HttpServerOptions().setHost("127.0.0.1").setPort(0),
              new ListenOptions().setHandover(Boolean.parseBoolean(args[0])),
              server -> server.requestHandler(App::handle))
          .compose(
              id ->
                  vertx.deployVerticle(
                      new RestartVerticle(),
                      new DeploymentOptions().setConfig(new JsonObject(args[1]))))
          .compose(id -> vertx.eventBus().<JsonObject>request(RestartMessages.STATUS, null))
          .onComplete(
              status -> {
                JsonObject listener = status.body().getJsonArray("listeners").getJsonObject(0);
                System.out.println(
                    "listening public %s\nready generation=%d pid=%d"
                        .formatted(
                            listener.getString("address"), GENERATION.number(), GENERATION.pid()));
              },
              failure -> {
                System.err.println("could not start: " + failure);
                System.exit(1);
              });
    }

    private static void handle(HttpServerRequest request) {
      HttpServerResponse response =
          request
              .response()
              .putHeader("goagain-generation", Integer.toString(GENERATION.number()))
              .putHeader("goagain-peer", Integer.toString(request.remoteAddress().port()));
      if (request.path().equals("/echo")) {
        request.body().onSuccess(response::end);
      } else {
        response.end(
            "hello generation=%d pid=%d\n".formatted(GENERATION.number(), GENERATION.pid()));
      }
    }
  }
}
