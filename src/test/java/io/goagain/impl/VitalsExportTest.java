package io.goagain.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.GoAgainServerFactory;
import io.goagain.RestartFailure;
import io.goagain.RestartOptions;
import io.goagain.health.GoAgainHealth;
import io.goagain.impl.net.DrainReport;
import io.goagain.metrics.GoAgainMetrics;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.healthchecks.Status;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the control socket, Micrometer and the health checks say of one process is the same. */
@Timeout(60)
class VitalsExportTest {

  private final Vitals vitals = ThisProcess.get().vitals();
  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);

  @ParameterizedTest
  @EnumSource(RestartMachine.State.class)
  void everyState(RestartMachine.State state) throws Exception {
    new GoAgainMetrics().bindTo(registry);
    vitals.state(state);
    awaitAgreement();
    String name = state.name().toLowerCase(Locale.ROOT);
    JsonObject data = new JsonObject().put("generation", 1).put("state", name);

    Promise<Status> live = Promise.promise();
    GoAgainHealth.liveness().handle(live);
    assertEquals(state != RestartMachine.State.EXITED, live.future().result().isOk());
    assertEquals(data, live.future().result().getData());

    Promise<Status> ready = Promise.promise();
    GoAgainHealth.readiness().handle(ready);
    assertEquals(vitals.isReady(), ready.future().result().isOk());
    assertEquals(data, ready.future().result().getData());
  }

  @Test
  void whatAppearsAndGoes() throws Exception {
    new GoAgainMetrics().bindTo(registry);
    Vertx vertx = Vertx.vertx();
    try {
      String id =
          GoAgainServerFactory.create(vertx)
              .deployHttpServer(
                  "a \"late\" \\n 字",
                  new HttpServerOptions().setPort(0),
                  request -> request.response().end())
              .await(20, TimeUnit.SECONDS);
      assertTrue(awaitAgreement().contains("listener=\"a \\\"late\\\" \\\\n 字\""));

      Attempt successful = attempt();
      successful.reached("spawned");
      successful.reached("ready");
      vitals.restarted(successful);
      assertTrue(awaitAgreement().contains("phase=\"ready\""));

      Attempt failed = attempt();
      failed.reached("spawned");
      failed.fails(RestartFailure.NOT_READY, "not ready");
      vitals.restarted(failed);
      String text = awaitAgreement();
      assertTrue(text.contains("outcome=\"not_ready\""), text);
      assertTrue(!text.contains("phase=\"ready\""), text);

      vitals.drained(new DrainReport(1, 2, 3, 4, List.of(), 1250));
      vertx.undeploy(id).await(20, TimeUnit.SECONDS);
      text = awaitAgreement();
      assertEquals(
          1.25, ExpositionParser.parse(text).get("goagain_drain_seconds{generation=\"1\"}"));
      assertTrue(!text.contains("listener="), text);
    } finally {
      vertx.close().await(20, TimeUnit.SECONDS);
    }

    SimpleMeterRegistry simple = new SimpleMeterRegistry();
    new GoAgainMetrics().bindTo(simple);
    assertEquals(1.25, simple.get("goagain.drain").timeGauge().value(TimeUnit.SECONDS));
    assertEquals(
        3, simple.get("goagain.connections.ended").tag("how", "moved").functionCounter().count());
  }

  private static Attempt attempt() {
    return new Attempt(new RestartOptions(), false, 2);
  }

  /** Families with types and help, series and values; returns what both say. */
  private String awaitAgreement() throws InterruptedException {
    String expected = PrometheusText.of(List.of(vitals.toJson()));
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    while (!isSame(expected, registry.scrape()) && System.nanoTime() < deadline) {
      Thread.sleep(20);
    }
    String text = registry.scrape();
    assertEquals(comments(expected), comments(text));
    assertEquals(ExpositionParser.parse(expected), ExpositionParser.parse(text));
    return expected;
  }

  private static boolean isSame(String expected, String text) {
    Map<String, Double> samples = ExpositionParser.parse(expected);
    return comments(expected).equals(comments(text))
        && samples.equals(ExpositionParser.parse(text));
  }

  private static Set<String> comments(String text) {
    return text.lines().filter(line -> line.startsWith("#")).collect(Collectors.toSet());
  }
}
