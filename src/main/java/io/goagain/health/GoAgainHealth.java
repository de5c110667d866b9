package io.goagain.health;

import io.goagain.impl.ThisProcess;
import io.goagain.impl.Vitals;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Promise;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.healthchecks.CheckResult;
import io.vertx.ext.healthchecks.HealthChecks;
import io.vertx.ext.healthchecks.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * Procedures for vertx-health-check, right during a handover: a predecessor that drains is live and
 * not ready, and so is a successor that boots.
 *
 * <p>Make them after {@link io.goagain.RestartVerticle#takeOver}, if the program calls that. They
 * answer at once, on any thread. Their data has {@code generation} and {@code state}.
 */
public final class GoAgainHealth {

  private GoAgainHealth() {}

  /** Fails only when the process has nothing left to do. */
  public static Handler<Promise<Status>> liveness() {
    Vitals vitals = ThisProcess.get().vitals();
    return promise -> {
      JsonObject now = vitals.toJson();
      promise.complete(status(!now.getString("state").equals("exited"), now));
    };
  }

  /** Succeeds while this process accepts connections. */
  public static Handler<Promise<Status>> readiness() {
    Vitals vitals = ThisProcess.get().vitals();
    return promise -> promise.complete(status(vitals.isReady(), vitals.toJson()));
  }

  /**
   * For {@link io.goagain.RestartVerticle#readiness}: succeeds when all of these are up. Those that
   * ask {@link #readiness} do not belong among them: that is what waits for this.
   */
  public static Supplier<Future<?>> check(HealthChecks checks) {
    return () ->
        checks
            .checkStatus()
            .compose(
                result ->
                    Boolean.TRUE.equals(result.getUp())
                        ? Future.succeededFuture()
                        : Future.failedFuture(describe(result)));
  }

  private static String describe(CheckResult result) {
    List<String> down = new ArrayList<>();
    collect(result, down);
    return down.isEmpty() ? "down" : String.join(", ", down);
  }

  private static void collect(CheckResult result, List<String> down) {
    List<CheckResult> parts = result.getChecks();
    if (parts != null && !parts.isEmpty()) {
      parts.forEach(part -> collect(part, down));
    } else if (!Boolean.TRUE.equals(result.getUp())) {
      String why =
          result.getFailure() != null
              ? result.getFailure().getMessage()
              : result.getData() == null ? null : result.getData().encode();
      down.add(result.getId() + " is down" + (why == null ? "" : ": " + why));
    }
  }

  private static Status status(boolean ok, JsonObject vitals) {
    JsonObject data =
        new JsonObject()
            .put("generation", vitals.getValue("generation"))
            .put("state", vitals.getValue("state"));
    return ok ? Status.OK(data) : Status.KO(data);
  }
}
