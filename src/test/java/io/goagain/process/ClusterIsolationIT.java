package io.goagain.process;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A node in a network namespace of its own asks for a plan, coordinates it, and is cut off. */
@Timeout(300)
class ClusterIsolationIT {

  private final String namespace = "goagain" + ProcessHandle.current().pid() % 10_000;

  /** Of the veth pair: the kernel takes 15 characters. */
  private final String outer = namespace + "o";

  private final String inner = namespace + "i";
  private final String network = "10.231." + ProcessHandle.current().pid() % 250 + ".";

  @BeforeEach
  void makeNamespace() throws Exception {
    assumeTrue(Boolean.getBoolean("goagain.long"), "only with -Dgoagain.long=true");
    assumeTrue(
        attempt("ip", "netns", "add", namespace) && attempt("curl", "--version"),
        "needs root, ip(8) and curl(1)");
    run("ip", "link", "add", outer, "type", "veth", "peer", "name", inner, "netns", namespace);
    run("ip", "address", "add", network + "1/24", "dev", outer);
    run("ip", "link", "set", outer, "up");
    run("ip", "-n", namespace, "address", "add", network + "2/24", "dev", inner);
    run("ip", "-n", namespace, "link", "set", inner, "up");
    run("ip", "-n", namespace, "link", "set", "lo", "up");
  }

  @AfterEach
  void removeNamespace() throws Exception {
    attempt("ip", "netns", "del", namespace);
    attempt("ip", "link", "del", outer);
  }

  private static boolean attempt(String... command) throws InterruptedException {
    try {
      run(command);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private static String run(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), UTF_8);
    if (process.waitFor() != 0) {
      throw new IOException(String.join(" ", command) + ": " + said);
    }
    return said;
  }

  @Test
  void whoeverIsCutOffDoesNotGoOn() throws Exception {
    try (ClusterApp cluster = ClusterApp.startAcross(network, namespace)) {
      String plan =
          cut(cluster, "POST", "/cluster/restart", "{\"order\":[\"n1\",\"n2\",\"n0\"]}")
              .getString("plan");
      JsonObject status =
          cluster.await(
              "the first step",
              s -> ClusterApp.step(s.getJsonObject("plan"), "n1").getLong("begun", 0L) > 0);
      assertEquals("n0", status.getJsonObject("plan").getString("coordinator"));
      run("ip", "-n", namespace, "link", "set", inner, "down");

      // The others finish what was under way, and stop as a node is missing.
      JsonObject end = cluster.awaitEnd(plan);
      assertEquals("ABORTED", end.getString("state"), end::encode);
      assertEquals("DONE", ClusterApp.step(end, "n1").getString("phase"), end::encode);
      assertEquals("UNTOUCHED", ClusterApp.step(end, "n2").getString("phase"), end::encode);
      assertTrue(end.getString("reason").contains("n0"), end::encode);

      // It still has the plan, and does nothing about it.
      JsonObject alone = cut(cluster, "GET", "/cluster/status", "");
      assertTrue(alone.getJsonObject("plan").getString("state").equals("RUNNING"), alone::encode);
      assertFalse(alone.getJsonObject("plan").getBoolean("majority"), alone::encode);
      assertEquals(Map.of("n0", List.of(1)), ClusterApp.generations(alone));

      run("ip", "-n", namespace, "link", "set", inner, "up");
      JsonObject healed =
          cluster.await("all nodes again", s -> ClusterApp.generations(s).size() == 3);
      assertEquals(
          Map.of("n0", List.of(1), "n1", List.of(2), "n2", List.of(1)),
          ClusterApp.generations(healed));
      // The plan of the majority is what stays.
      assertEquals(end.getLong("version"), healed.getJsonObject("plan").getLong("version"));
      assertEquals(
          "ABORTED",
          cut(cluster, "GET", "/cluster/status", "").getJsonObject("plan").getString("state"));

      // They are one cluster again, in all that a plan needs.
      JsonObject next =
          cluster.awaitEnd(cut(cluster, "POST", "/cluster/restart", "{}").getString("plan"));
      assertEquals("COMPLETED", next.getString("state"), next::encode);
    }
  }

  /** Asks the node in the namespace, from in there. */
  private JsonObject cut(ClusterApp cluster, String method, String path, String body)
      throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(
            List.of("ip", "netns", "exec", namespace, "curl", "-s", "-m", "60", "-X", method));
    if (!body.isEmpty()) {
      command.addAll(List.of("-d", body));
    }
    command.add("http://" + cluster.name(0) + path);
    return new JsonObject(run(command.toArray(new String[0])));
  }
}
