package io.goagain.process;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.vertx.core.json.JsonObject;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** One of the two is killed at any time, and the other one serves. */
@Timeout(600)
class TakeoverAnyTimeIT {
  private static final int MOST_MICROS = 1_500_000;

  @Test
  void theOtherServes() throws Exception {
    long seed = System.nanoTime();
    SplittableRandom random = new SplittableRandom(seed);
    // So long that the predecessor is there to be killed.
    try (Takeovers takeovers = Takeovers.single().option("probation", 20_000)) {
      AppProcess serving = takeovers.start(1);
      for (int round = 0; round < Restarts.rounds(6, 60); round++) {
        AppProcess taker = takeovers.launch();
        Clients.pause(random.nextInt(MOST_MICROS));
        AppProcess victim = random.nextBoolean() ? serving : taker;
        victim.kill9(victim.pid());
        AppProcess survivor = victim == serving ? taker : serving;
        String what =
            "process %d serves, round %d of seed %d".formatted(survivor.pid(), round, seed);
        takeovers.await(
            what,
            () -> {
              JsonObject status = takeovers.status();
              return status.getString("state").equals("SERVING")
                  && status.getLong("pid") == survivor.pid();
            });
        assertEquals(survivor.pid(), takeovers.answering().pid(), what);
        serving = survivor;
      }
    }
  }
}
