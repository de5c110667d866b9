package io.goagain.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.RestartFailure;
import io.goagain.load.Load;
import io.goagain.load.Report;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A cluster restarts itself, and none of its clients notices. */
@Timeout(300)
class ClusterIT {

  @Test
  void aWholePlanLosesNothing() throws Exception {
    try (ClusterApp cluster = ClusterApp.start(3)) {
      Load load = cluster.load();
      load.awaitRequests(1_000);
      int rounds = Restarts.rounds(1, 3);
      for (int round = 1; round <= rounds; round++) {
        restartsOnce(cluster, round + 1);
      }
      load.awaitRequests(1_000);
      assertNothingLost(cluster, load.stop());
    }
  }

  private static void restartsOnce(ClusterApp cluster, int generation) throws Exception {
    String plan = cluster.restart(generation % 3, "{\"settleMillis\":500}");
    JsonObject second = cluster.post(0, "/cluster/restart", "{}");
    assertEquals(RestartFailure.IN_PROGRESS.code(), second.getInteger("code"));
    assertTrue(second.getString("message").contains(plan), second::encode);
    AtomicInteger most = new AtomicInteger();
    JsonObject status =
        cluster.await(
            "the end of the plan",
            s -> {
              int twice =
                  (int)
                      ClusterApp.generations(s).values().stream().filter(g -> g.size() > 1).count();
              most.accumulateAndGet(twice, Math::max);
              return !s.getJsonObject("plan").getString("state").equals("RUNNING");
            });
    assertEquals("COMPLETED", status.getJsonObject("plan").getString("state"), status::encode);
    assertEquals(1, most.get(), "nodes in a handover at a time");
    for (Map.Entry<String, List<Integer>> node : ClusterApp.generations(status).entrySet()) {
      assertEquals(List.of(generation), node.getValue(), node::getKey);
    }
    System.out.println("plan of 3 nodes: " + status.getJsonObject("plan").getJsonObject("shares"));
  }

  static void assertNothingLost(ClusterApp cluster, Report report) throws Exception {
    assertEquals(0, report.failed(), report::toString);
    List<String> handled = cluster.handled();
    Set<String> once = new HashSet<>(handled);
    assertEquals(handled.size(), once.size(), "requests handled twice");
    assertEquals(cluster.asked(), once.size(), "requests handled");
    System.out.println("cluster: " + report);
  }

  @Test
  void aBrokenVersionEndsThePlanAndNothingElse() throws Exception {
    try (ClusterApp cluster = ClusterApp.start(3)) {
      Load load = cluster.load();
      load.awaitRequests(500);
      cluster.breakNewVersion(true);
      JsonObject plan = cluster.awaitEnd(cluster.restart(1, "{\"settleMillis\":200}"));
      assertEquals("ABORTED", plan.getString("state"));
      String first = plan.getJsonArray("steps").getJsonObject(0).getString("node");
      JsonObject failed = ClusterApp.step(plan, first);
      assertEquals("FAILED", failed.getString("phase"));
      assertEquals("SUCCESSOR_EXITED", failed.getString("failure"));
      assertEquals("RESTARTING", failed.getString("failedIn"));
      assertTrue(plan.getString("reason").contains(first), plan::encode);
      assertEquals("UNTOUCHED", plan.getJsonArray("steps").getJsonObject(1).getString("phase"));
      cluster.breakNewVersion(false);
      String nodes = "{\"settleMillis\":200,\"nodes\":[\"" + first + "\"]}";
      cluster.restartByCommand(2, nodes);
      load.awaitRequests(500);
      assertNothingLost(cluster, load.stop());
      Map<String, List<Integer>> generations = ClusterApp.generations(cluster.status(0));
      assertEquals(List.of(2), generations.remove(first));
      generations.values().forEach(others -> assertEquals(List.of(1), others));
    }
  }

  @Test
  void theCoordinatorIsKilledInTheMiddle() throws Exception {
    try (ClusterApp cluster = ClusterApp.start(3)) {
      // The oldest one, which is the first that was started.
      String plan = cluster.restart(1, "{\"settleMillis\":200}");
      JsonObject status =
          cluster.await("the first step", s -> phaseOfFirst(s).equals("RESTARTING"));
      JsonObject oldest = status.getJsonArray("nodes").getJsonObject(0);
      assertEquals(cluster.name(0), oldest.getString("node"));
      assertEquals(cluster.name(0), status.getJsonObject("plan").getString("coordinator"));
      cluster.node(0).kill9(oldest.getLong("pid"));
      JsonObject end = cluster.awaitEnd(plan);
      // What was under way came to its end; the node that is gone ended the plan.
      assertEquals("ABORTED", end.getString("state"), end::encode);
      assertTrue(end.getString("reason").contains(cluster.name(0)), end::encode);
      assertEquals("DONE", end.getJsonArray("steps").getJsonObject(0).getString("phase"));
      Map<String, List<Integer>> generations = ClusterApp.generations(cluster.status(1));
      assertEquals(2, generations.size(), generations::toString);
      for (int i = 1; i < 3; i++) {
        boolean done = ClusterApp.step(end, cluster.name(i)).getString("phase").equals("DONE");
        assertEquals(List.of(done ? 2 : 1), generations.get(cluster.name(i)), end::encode);
      }
    }
  }

  private static String phaseOfFirst(JsonObject status) {
    return status.getJsonObject("plan").getJsonArray("steps").getJsonObject(0).getString("phase");
  }

  @Test
  void aNodeIsKilledInTheMiddle() throws Exception {
    try (ClusterApp cluster = ClusterApp.start(3)) {
      String plan = cluster.restart(1, "{\"settleMillis\":200}");
      JsonObject status =
          cluster.await("the first step", s -> phaseOfFirst(s).equals("RESTARTING"));
      String victim =
          status.getJsonObject("plan").getJsonArray("steps").getJsonObject(0).getString("node");
      AppProcess node = cluster.node(cluster.indexOf(victim));
      long killed = System.nanoTime();
      node.close(); // the predecessor, and the successor that boots
      JsonObject end = cluster.awaitEnd(plan);
      Duration noticed = Duration.ofNanos(System.nanoTime() - killed);
      System.out.println("cluster: a killed node ended the plan after " + noticed);
      // On a machine that does nothing else.
      assertTrue(!Restarts.LONG || noticed.toSeconds() < 30, noticed::toString);
      assertEquals("ABORTED", end.getString("state"));
      JsonObject step = ClusterApp.step(end, victim);
      assertEquals("FAILED", step.getString("phase"));
      assertEquals("VANISHED", step.getString("failure"));
      assertEquals(2, ClusterApp.generations(cluster.status(0)).size());
    }
  }
}
