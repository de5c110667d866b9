package io.goagain.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.impl.ExpositionParser;
import io.goagain.load.Load;
import io.goagain.load.Report;
import io.goagain.process.AppProcess.Generation;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Metrics are scraped all the time, through restarts, without a gap. */
@Timeout(300)
class ScrapeIT {

  private static final int RESTARTS = Boolean.getBoolean("goagain.long") ? 10 : 2;

  /** What a scraper has seen. */
  private record Seen(int scrapes, int withBoth) {}

  @Test
  void scrapesHaveNoGap() throws Exception {
    SingleApp.Starter starter = SingleApp.starter().option("probation", 500);
    ControlClient control = ControlClient.of(starter);
    try (SingleApp app = starter.start();
        Clients clients = new Clients()) {
      Load load = app.load();
      AtomicBoolean over = new AtomicBoolean();
      Future<Seen> eachAnew = clients.start(anew(control, over));
      Future<Seen> onOne = clients.start(keptAlive(control, over));
      Generation now = app.process().newest();
      for (int i = 0; i < RESTARTS; i++) {
        app.process().signal(now.pid(), "USR2");
        app.handedOver(now);
        now = app.process().newest();
        app.awaitAlone(now.pid());
      }
      over.set(true);
      // One that the generation before is drained at is not enough: all of them are seen.
      assertTrue(eachAnew.get().withBoth() >= RESTARTS, () -> "" + eachAnew);
      assertTrue(onOne.get().scrapes() > eachAnew.get().withBoth(), () -> "" + onOne);
      Report report = load.stop();
      assertEquals(0, report.failed(), report::toString);
      Map<String, Double> last = ExpositionParser.parse(Wire.fetch(control.address(), "/metrics"));
      assertEquals(1, last.get("goagain_ready{generation=\"%d\"}".formatted(RESTARTS + 1)));
    }
  }

  private static Callable<Seen> anew(ControlClient control, AtomicBoolean over) {
    return () -> {
      Seen seen = new Seen(0, 0);
      while (!over.get()) {
        try (Wire wire = control.wire()) {
          seen = scrape(wire, seen);
        }
      }
      return seen;
    };
  }

  private static Callable<Seen> keptAlive(ControlClient control, AtomicBoolean over) {
    return () -> {
      Seen seen = new Seen(0, 0);
      try (Wire wire = control.wire()) {
        while (!over.get()) {
          seen = scrape(wire, seen);
        }
      }
      return seen;
    };
  }

  private static Seen scrape(Wire wire, Seen before) throws IOException {
    Wire.Answer answer = wire.send(Wire.get("/metrics")).answer();
    assertEquals(200, answer.status(), answer::toString);
    Map<String, Double> samples = ExpositionParser.parse(answer.body());
    long generations =
        samples.keySet().stream().filter(series -> series.startsWith("goagain_ready{")).count();
    assertTrue(generations >= 1, answer::body);
    return new Seen(before.scrapes() + 1, before.withBoth() + (generations == 2 ? 1 : 0));
  }
}
