package io.goagain.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** How the time of a plan grows with its nodes, and what it is spent on. */
@Timeout(600)
class ClusterGrowthIT {

  private static final int NODES = 10;

  @Test
  void tenNodesTakeTenTimesAsLongAsOne() throws Exception {
    assumeTrue(Boolean.getBoolean("goagain.long"), "only with -Dgoagain.long=true");
    try (ClusterApp cluster = ClusterApp.start(NODES, "-Xmx64m", "-XX:+UseSerialGC")) {
      String id = cluster.restart(0, "{\"settleMillis\":500}");
      JsonObject plan = cluster.awaitEnd(id);
      assertEquals("COMPLETED", plan.getString("state"), plan::encode);
      List<Long> ends = new ArrayList<>();
      long begun = plan.getJsonArray("steps").getJsonObject(0).getLong("begun");
      System.out.println("node  done after  step, and the phases of it");
      for (int i = 0; i < NODES; i++) {
        JsonObject step = plan.getJsonArray("steps").getJsonObject(i);
        ends.add(step.getLong("since") - begun);
        System.out.printf(
            "%4d  %7d ms  %6d ms %s%n",
            i + 1,
            ends.get(i),
            step.getLong("since") - step.getLong("begun"),
            step.getJsonObject("millis"));
      }
      for (int i = 0; i < NODES; i++) {
        cluster.node(i).lines().stream()
            .filter(line -> line.matches(".*(left the event bus|does not wait|Shutdown is comp).*"))
            .forEach(System.out::println);
      }
      System.out.println(plan.getJsonObject("shares"));
      double firstHalf = ends.get(NODES / 2 - 1);
      double secondHalf = ends.get(NODES - 1) - firstHalf;
      assertTrue(secondHalf < 1.5 * firstHalf, ends::toString);
    }
  }
}
