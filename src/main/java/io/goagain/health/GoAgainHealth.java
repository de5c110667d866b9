package io.goagain.health;

import io.goagain.impl.ThisProcess;
import io.goagain.impl.Vitals;
import io.vertx.core.Handler;
import io.vertx.core.Promise;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.healthchecks.Status;

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

  private static Status status(boolean ok, JsonObject vitals) {
    JsonObject data =
        new JsonObject()
            .put("generation", vitals.getValue("generation"))
            .put("state", vitals.getValue("state"));
    return ok ? Status.OK(data) : Status.KO(data);
  }
}
