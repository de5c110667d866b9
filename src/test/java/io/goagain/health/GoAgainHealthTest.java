package io.goagain.health;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.healthchecks.CheckResult;
import io.vertx.ext.healthchecks.HealthChecks;
import io.vertx.ext.healthchecks.Status;
import io.vertx.junit5.VertxExtension;
import io.vertx.junit5.VertxTestContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Of a process that boots; the process tests see the other states. */
@ExtendWith(VertxExtension.class)
class GoAgainHealthTest {

  @Test
  void aProcessThatBootsIsLive(Vertx vertx, VertxTestContext context) {
    HealthChecks.create(vertx)
        .register("live", GoAgainHealth.liveness())
        .checkStatus("live")
        .onComplete(
            context.succeeding(result -> context.verify(() -> check(result, true)).completeNow()));
  }

  @Test
  void aProcessThatBootsIsNotReady(Vertx vertx, VertxTestContext context) {
    HealthChecks.create(vertx)
        .register("ready", GoAgainHealth.readiness())
        .checkStatus("ready")
        .onComplete(
            context.succeeding(result -> context.verify(() -> check(result, false)).completeNow()));
  }

  @Test
  void checksThatAreAllUpPass(Vertx vertx, VertxTestContext context) {
    HealthChecks checks = HealthChecks.create(vertx);
    checks.register("db", promise -> promise.complete(Status.OK()));
    checks.register("queue/in", promise -> promise.complete(Status.OK()));
    GoAgainHealth.check(checks).get().onComplete(context.succeedingThenComplete());
  }

  @Test
  void checksThatAreDownAreNamedWithTheirReason(Vertx vertx, VertxTestContext context) {
    HealthChecks checks = HealthChecks.create(vertx);
    checks.register("up", promise -> promise.complete(Status.OK()));
    checks.register("db", promise -> promise.fail("refused"));
    checks.register(
        "queue/in", promise -> promise.complete(Status.KO(new JsonObject().put("lag", 7))));
    GoAgainHealth.check(checks)
        .get()
        .onComplete(
            context.failing(
                failure ->
                    context
                        .verify(
                            () -> {
                              String said = failure.getMessage();
                              assertTrue(said.contains("db is down: "), said);
                              assertTrue(said.contains("refused"), said);
                              assertTrue(said.contains("in is down: {\"lag\":7}"), said);
                              assertFalse(said.contains("up is down"), said);
                            })
                        .completeNow()));
  }

  private static void check(CheckResult result, boolean up) {
    assertEquals(up, CheckResult.isUp(result));
    assertEquals("booting", result.getData().getString("state"));
    assertEquals(1, result.getData().getInteger("generation"));
  }
}
