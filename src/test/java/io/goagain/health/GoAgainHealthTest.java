package io.goagain.health;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.vertx.core.Vertx;
import io.vertx.ext.healthchecks.CheckResult;
import io.vertx.ext.healthchecks.HealthChecks;
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

  private static void check(CheckResult result, boolean up) {
    assertEquals(up, CheckResult.isUp(result));
    assertEquals("booting", result.getData().getString("state"));
    assertEquals(1, result.getData().getInteger("generation"));
  }
}
