package io.goagain.process;

import io.goagain.load.Load;
import io.goagain.load.Workload;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** Nodes of the example "cluster" on this machine, in a cluster of their own. */
final class ClusterApp implements AutoCloseable {

  private static final String OPTIONS =
      "{\"probation\":300,\"strategy\":\"single\",\"drainTimeout\":10000}";

  /** How long a plan may take. */
  private static final Duration LIMIT = Duration.ofSeconds(180);

  private final Path directory = Files.createTempDirectory("goagain-cluster");
  private final Path journal = directory.resolve("journal");
  private final Path broken = directory.resolve("broken");
  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final List<AppProcess> nodes = new ArrayList<>();
  private final AtomicLong numbers = new AtomicLong();

  private ClusterApp() throws IOException {}

  static ClusterApp start(int count, String... jvmArgs) throws Exception {
    ClusterApp cluster = new ClusterApp();
    try {
      Path config = cluster.config(count, "127.0.0.1", "127.0.0.1");
      for (int i = 0; i < count; i++) {
        cluster.start(List.of(), List.of(jvmArgs), config);
      }
      cluster.await("all nodes", s -> s.getJsonArray("nodes").size() == count);
      return cluster;
    } catch (Throwable e) {
      cluster.close();
      throw e;
    }
  }

  /**
   * Three nodes, n0 to n2; the first one, the oldest, is in a network namespace.
   *
   * @param network the first three numbers of the addresses: .2 is in there
   */
  static ClusterApp startAcross(String network, String namespace) throws Exception {
    ClusterApp cluster = new ClusterApp();
    try {
      Path config =
          cluster.config(3, network + "*", network + "1</member><member>" + network + "2");
      List<String> inside = List.of("ip", "netns", "exec", namespace);
      cluster.start(inside, List.of(), config, "--name", "n0");
      cluster.start(List.of(), List.of(), config, "--name", "n1");
      cluster.start(List.of(), List.of(), config, "--name", "n2");
      cluster.await("all nodes", s -> s.getJsonArray("nodes").size() == 3);
      return cluster;
    } catch (Throwable e) {
      cluster.close();
      throw e;
    }
  }

  /** One after another: nobody has to find out which of two clusters is to stay. */
  private void start(List<String> wrapper, List<String> jvmArgs, Path config, String... arguments)
      throws IOException {
    List<String> command = new ArrayList<>(wrapper);
    command.add(AppProcess.java());
    String[] node = {"cluster", "--port", "0", "--hazelcast", config.toString()};
    command.addAll(AppProcess.fast(Archive.of(AppProcess.examples(), node)));
    command.addAll(jvmArgs);
    command.addAll(List.of("-jar", AppProcess.examples().toString()));
    command.addAll(List.of(node));
    command.addAll(
        List.of(
            "--journal", journal.toString(), "--fail-if", broken.toString(), "--options", OPTIONS));
    command.addAll(List.of(arguments));
    nodes.add(AppProcess.run(command, Map.of(), null));
    nodes.get(nodes.size() - 1).awaitReady(1);
  }

  /** The configuration that is delivered, for a cluster that nobody else finds. */
  private Path config(int count, String networkInterface, String members) throws IOException {
    String xml = Files.readString(Path.of("conf", "hazelcast.xml"));
    String own =
        xml.replace(">5701<", ">" + freePort() + "<")
            .replace(">goagain</cluster-name>", ">" + directory.getFileName() + "</cluster-name>")
            .replace("try.count\">4<", "try.count\">" + (count + 1) + "<")
            .replace("<interface>127.0.0.1<", "<interface>" + networkInterface + "<")
            .replace("<member>127.0.0.1<", "<member>" + members + "<");
    return Files.writeString(directory.resolve("hazelcast.xml"), own);
  }

  private static int freePort() throws IOException {
    try (ServerSocket probe = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return probe.getLocalPort();
    }
  }

  AppProcess node(int index) {
    return nodes.get(index);
  }

  int size() {
    return nodes.size();
  }

  /** Its name in the cluster. */
  String name(int index) {
    return nodes.get(index).address("public");
  }

  int indexOf(String name) {
    for (int i = 0; i < nodes.size(); i++) {
      if (name(i).equals(name)) {
        return i;
      }
    }
    throw new AssertionError("no node " + name);
  }

  /** From now on no successor comes up, or they do again. */
  void breakNewVersion(boolean isBroken) throws IOException {
    if (isBroken) {
      Files.writeString(broken, "");
    } else {
      Files.delete(broken);
    }
  }

  /** HTTP to each node, and through each one requests on the event bus: 500 a second in all. */
  Load load() {
    Load load = new Load();
    for (AppProcess node : nodes) {
      load.add(Workload.gets(node.socketAddress("public"), 4, 100));
      load.add(Workload.connects(node.socketAddress("public"), 2, 20));
      load.add(Workload.asks(node.socketAddress("public"), 8, 500.0 / nodes.size(), numbers));
    }
    return load.start();
  }

  /** How many requests on the event bus were sent. */
  long asked() {
    return numbers.get();
  }

  /** The numbers of those that were handled, once for each time. */
  List<String> handled() throws IOException {
    return Files.readAllLines(journal);
  }

  JsonObject status(int index) throws IOException, InterruptedException {
    return get(index, "/cluster/status");
  }

  private JsonObject get(int index, String path) throws IOException, InterruptedException {
    return send(HttpRequest.newBuilder(uri(index, path)).build());
  }

  JsonObject post(int index, String path, String body) throws IOException, InterruptedException {
    return send(
        HttpRequest.newBuilder(uri(index, path)).POST(BodyPublishers.ofString(body)).build());
  }

  private JsonObject send(HttpRequest request) throws IOException, InterruptedException {
    return new JsonObject(http.send(request, BodyHandlers.ofString()).body());
  }

  private URI uri(int index, String path) {
    return URI.create("http://" + name(index) + path);
  }

  /** Asks for a plan, and returns its id. */
  String restart(int index, String request) throws IOException, InterruptedException {
    JsonObject answer = post(index, "/cluster/restart", request);
    String id = answer.getString("plan");
    if (id == null) {
      throw new AssertionError(answer.encode());
    }
    return id;
  }

  /** Has the example "cluster-restart" ask for a plan, and see it through. */
  void restartByCommand(int index, String request) throws IOException, InterruptedException {
    try (AppProcess command =
        AppProcess.start(
            List.of(),
            Map.of(),
            null,
            "cluster-restart",
            "--watch",
            "--url",
            "http://" + name(index),
            "--request",
            request)) {
      String last = command.awaitLine(line -> line.startsWith("plan COMPLETED"), LIMIT);
      if (command.exitCode() != 0) {
        throw command.failure("exit code " + command.exitCode() + " after \"" + last + "\"");
      }
    }
  }

  /** Waits until the cluster is in a state, as the first node that lives sees it. */
  JsonObject await(String what, Predicate<JsonObject> condition) throws InterruptedException {
    return await(what, LIMIT, condition);
  }

  /** The same, within some time. */
  JsonObject await(String what, Duration limit, Predicate<JsonObject> condition)
      throws InterruptedException {
    long deadline = System.nanoTime() + limit.toNanos();
    JsonObject last = null;
    while (System.nanoTime() - deadline < 0) {
      for (int i = 0; i < nodes.size(); i++) {
        try {
          last = status(i); // fails for one that is dead, or cannot be reached from here
          if (condition.test(last)) {
            return last;
          }
          break;
        } catch (IOException e) {
          // The next one knows as much.
        }
      }
      TimeUnit.MILLISECONDS.sleep(50);
    }
    throw new AssertionError(
        "waited in vain: " + what + "; the last status: " + (last == null ? null : last.encode()));
  }

  /** Waits until the plan is over. */
  JsonObject awaitEnd(String plan) throws InterruptedException {
    return await(
            "the end of plan " + plan,
            s -> {
              JsonObject there = s.getJsonObject("plan");
              return there.getString("id").equals(plan)
                  && List.of("COMPLETED", "ABORTED").contains(there.getString("state"));
            })
        .getJsonObject("plan");
  }

  static JsonObject step(JsonObject plan, String node) {
    for (Object step : plan.getJsonArray("steps")) {
      if (((JsonObject) step).getString("node").equals(node)) {
        return (JsonObject) step;
      }
    }
    throw new AssertionError("no step " + node + " in " + plan);
  }

  /** The generations of each node's processes that are in the cluster, by the node's name. */
  static Map<String, List<Integer>> generations(JsonObject status) {
    Map<String, List<Integer>> generations = new HashMap<>();
    JsonArray processes = status.getJsonArray("nodes");
    for (Object process : processes) {
      JsonObject json = (JsonObject) process;
      generations
          .computeIfAbsent(json.getString("node"), n -> new ArrayList<>())
          .add(json.getInteger("generation"));
    }
    return generations;
  }

  @Override
  public void close() throws IOException {
    nodes.forEach(AppProcess::close);
    try (Stream<Path> all = Files.walk(directory)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }
}
