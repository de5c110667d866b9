package io.goagain.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.GoAgainServerFactory;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerOptions;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class GoAgainMetricsTest {

  private final SimpleMeterRegistry registry = new SimpleMeterRegistry();

  @Test
  void aRegistryHasThemAtOnce() {
    new GoAgainMetrics().bindTo(registry);
    assertEquals(0, registry.get("goagain.ready").tag("generation", "1").gauge().value());
    assertEquals(1, registry.get("goagain.state").tag("state", "booting").gauge().value());
    assertEquals(
        0, registry.get("goagain.restarts").tag("outcome", "ok").functionCounter().count());
    for (String how : Set.of("finished", "closed", "moved", "cut")) {
      assertEquals(
          0, registry.get("goagain.connections.ended").tag("how", how).functionCounter().count());
    }
    assertTrue(registry.find("goagain.restart.phase").meters().isEmpty());
    assertTrue(registry.find("goagain.drain").meters().isEmpty());
  }

  @Test
  void aListenerComesAndGoes() throws Exception {
    new GoAgainMetrics().bindTo(registry);
    Vertx vertx = Vertx.vertx();
    try {
      String id =
          GoAgainServerFactory.create(vertx)
              .deployHttpServer(
                  "late", new HttpServerOptions().setPort(0), request -> request.response().end())
              .await(20, TimeUnit.SECONDS);
      awaitListeners(1);
      assertEquals(0, registry.get("goagain.connections").tag("listener", "late").gauge().value());
      assertEquals(
          0, registry.get("goagain.requests.in.flight").tag("listener", "late").gauge().value());
      vertx.undeploy(id).await(20, TimeUnit.SECONDS);
      awaitListeners(0);
    } finally {
      vertx.close().await(20, TimeUnit.SECONDS);
    }
  }

  /** Any of the meters leads to the others: a filter may have denied some. */
  private void awaitListeners(int count) throws InterruptedException {
    while (registry.find("goagain.connections").gauges().size() != count
        || registry.find("goagain.requests.in.flight").gauges().size() != count) {
      registry.get("goagain.ready").gauge().value();
      Thread.sleep(10);
    }
  }
}
