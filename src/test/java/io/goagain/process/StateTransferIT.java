package io.goagain.process;

import static io.goagain.process.SingleApp.assertNothingLost;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.goagain.GoAgainServerFactory;
import io.goagain.Handover;
import io.goagain.RestartFailure;
import io.goagain.load.Load;
import io.goagain.process.AppProcess.Generation;
import io.goagain.process.SingleApp.Reply;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What {@link Handover} offers and claims: large state, and what goes wrong with it. */
@Timeout(300)
class StateTransferIT {
  private static final int LARGE = 300 << 20;

  // Large state.

  /** Makes it in generation 1, and keeps what comes from there on. */
  static final class Large implements TestProgram.Part {
    private Buffer state;

    @Override
    public void prepare(Vertx vertx, GoAgainServerFactory servers) {
      Handover handover = Handover.of(vertx);
      handover.offer("large/1", () -> Future.succeededFuture(state));
      handover
          .claim("large/1")
          .compose(
              claimed ->
                  vertx.executeBlocking(
                      () -> {
                        state = claimed == null ? random() : claimed;
                        TestProgram.say("%s", describe(state));
                        return null;
                      }));
    }

    private static String describe(Buffer state) {
      CRC32C sum = new CRC32C();
      for (int at = 0; at < state.length(); at += 1 << 20) {
        sum.update(state.getBytes(at, Math.min(state.length(), at + (1 << 20))));
      }
      return state.length() + " bytes, sum " + Long.toHexString(sum.getValue());
    }

    private static Buffer random() {
      byte[] bytes = new byte[LARGE];
      new SplittableRandom().nextBytes(bytes);
      return Buffer.buffer(bytes);
    }
  }

  @Test
  void hundredsOfMegabytesArriveWhole() throws Exception {
    try (SingleApp app = TestProgram.starter(Large.class).jvm("-Xmx1300m").start()) {
      String sum = app.log("generation 1: (%d bytes, sum \\w+)".formatted(LARGE)).group(1);
      Load load = app.load(SingleApp.busy(app.address("public")));
      for (int i = 0; i < 2; i++) {
        Generation next = Restarts.restart(app.process());
        String arrived =
            app.log("generation %d: (\\d+ bytes, sum \\w+)".formatted(next.generation())).group(1);
        assertEquals(sum, arrived);
        assertEquals(0, app.count("is lost"));
      }
      assertNothingLost(load, 1, 2, 3);
    }
  }

  // Offers that fail.

  /** What has come under "good/1", and the number of this generation. */
  abstract static class Carries implements TestProgram.Part {
    private String good = "";

    @Override
    public void prepare(Vertx vertx, GoAgainServerFactory servers) {
      Handover handover = Handover.of(vertx);
      bad(handover);
      handover.offer("good/1", () -> Future.succeededFuture(Buffer.buffer(good)));
      handover
          .claim("good/1")
          .onSuccess(
              state -> {
                good = (state == null ? "" : state + ",") + TestProgram.generation();
                TestProgram.say("good/1 is now %s", good);
              });
    }

    abstract void bad(Handover handover);

    /** Offers it, and says what has come under the name. */
    static void bad(Handover handover, String name, Supplier<Future<Buffer>> state) {
      handover.offer(name, state);
      handover
          .claim(name)
          .onComplete(claimed -> TestProgram.say("%s comes as %s", name, claimed.result()));
    }
  }

  static final class Fails extends Carries {
    @Override
    void bad(Handover handover) {
      bad(
          handover,
          "throws/1",
          () -> {
            throw new IllegalStateException("thrown by the application");
          });
      bad(handover, "fails/1", () -> Future.failedFuture("failed by the application"));
      bad(handover, "null/1", () -> null);
      bad(handover, "nothing/1", () -> Future.succeededFuture());
      bad(handover, "empty/1", () -> Future.succeededFuture(Buffer.buffer()));
    }
  }

  static final class ThrowsError extends Carries {
    @Override
    void bad(Handover handover) {
      bad(
          handover,
          "throws/1",
          () -> {
            throw new NoClassDefFoundError("thrown by the application");
          });
    }
  }

  static final class Hangs extends Carries {
    @Override
    void bad(Handover handover) {
      bad(handover, "hangs/1", () -> Promise.<Buffer>promise().future());
    }
  }

  /** The next generation twice over; each says what it got. */
  private static void carriesOn(SingleApp app) throws Exception {
    Load load = app.load(SingleApp.busy(app.address("public")));
    for (String good : List.of("1,2", "1,2,3")) {
      Generation next = Restarts.restart(app.process());
      app.log("generation %d: good/1 is now %s$".formatted(next.generation(), good));
    }
    assertNothingLost(load, 1, 2, 3);
  }

  /** Nothing is waited for that has failed already. */
  @Test
  void offersThatFailAreReportedAndTheOthersArrive() throws Exception {
    try (SingleApp app = TestProgram.starter(Fails.class).option("drainTimeout", 600_000).start()) {
      carriesOn(app);
      for (int generation = 1; generation <= 3; generation++) {
        for (String name : List.of("throws/1", "fails/1", "null/1", "nothing/1")) {
          app.log("generation %d: %s comes as null$".formatted(generation, name));
        }
        String empty = generation == 1 ? "null" : "";
        app.log("generation %d: empty/1 comes as %s$".formatted(generation, empty));
      }
      for (String name : List.of("throws/1", "fails/1", "null/1")) {
        assertEquals(2, app.count("state \"" + name + "\" is lost"), name);
      }
      assertEquals(2, app.count("IllegalStateException: thrown by the application"));
      assertEquals(2, app.count("failed by the application"));
      assertEquals(0, app.count("state \"nothing/1\""));
    }
  }

  /** As a class does that is gone with the old release. */
  @Test
  void anOfferThatThrowsAnErrorHasFailed() throws Exception {
    try (SingleApp app =
        TestProgram.starter(ThrowsError.class).option("drainTimeout", 600_000).start()) {
      carriesOn(app);
      app.log("generation 3: throws/1 comes as null$");
      assertEquals(2, app.count("state \"throws/1\" is lost"));
    }
  }

  @Test
  void anOfferThatNeverCompletesIsGivenUp() throws Exception {
    try (SingleApp app = TestProgram.starter(Hangs.class).option("drainTimeout", 1_000).start()) {
      carriesOn(app);
      app.log("generation 3: hangs/1 comes as null$");
      assertEquals(2, app.count("state \"hangs/1\" did not come"));
    }
  }

  @Test
  void whatIsStillToComeOfAPredecessorThatDiesIsNothing() throws Exception {
    try (SingleApp app = TestProgram.starter(Hangs.class).option("drainTimeout", 600_000).start()) {
      Generation first = app.process().newest();
      Generation second = Restarts.ask(app.process());
      app.log("generation 2: good/1 is now 1,2$");
      assertEquals(0, app.count("generation 2: hangs/1"));
      app.process().kill9(first.pid());
      app.log("generation 2: hangs/1 comes as null$");
      app.log("generation 2: event .*\"type\":\"ownership_taken\"");
      assertEquals(second.pid(), pid(app));
    }
  }

  private static long pid(SingleApp app) throws IOException {
    try (RawHttp wire = RawHttp.connect(app.address("public"))) {
      return wire.pid();
    }
  }

  // Errors that a user can make.

  /** Also answers /claim?NAME. */
  static final class Mistaken implements TestProgram.Part {
    private Handover handover;

    @Override
    public void prepare(Vertx vertx, GoAgainServerFactory servers) {
      handover = Handover.of(vertx);
      offer("first");
      try {
        offer("second");
      } catch (IllegalArgumentException e) {
        TestProgram.say("refused: %s", e.getMessage());
      }
      for (String name : List.of("twice/1", "twice/1", "nobody/1")) {
        handover.claim(name).onSuccess(state -> TestProgram.say("%s is %s", name, state));
      }
    }

    private void offer(String state) {
      handover.offer(
          "twice/1",
          () -> {
            TestProgram.say("asked for %s", state);
            return Future.succeededFuture(Buffer.buffer(state));
          });
    }

    @Override
    public void handle(HttpServerRequest request) {
      handover.claim(request.query()).onSuccess(state -> request.response().end(state + ""));
    }
  }

  @Test
  void aNameIsOfferedOnceAndClaimedAsOftenAsOneLikes() throws Exception {
    try (SingleApp app = TestProgram.starter(Mistaken.class).start()) {
      app.log("generation 1: refused: .*\"twice/1\"");
      app.log("generation 1: nobody/1 is null");
      assertEquals(2, app.count("generation 1: twice/1 is null"));
      assertEquals(1, app.count("generation 1: nobody/1 is null"));

      Reply failed = app.restart(new JsonObject().put("command", new JsonArray().add("false")));
      assertEquals(RestartFailure.SUCCESSOR_EXITED.code(), failed.code());
      assertEquals(0, app.count("asked for"));

      Generation ignored = Restarts.restart(app.process());
      app.log("generation 2: event .*\"type\":\"ownership_taken\"");
      assertEquals("first", claimed(app, "twice/1"));
      assertEquals("null", claimed(app, "nobody/1"));
      assertEquals("null", claimed(app, "nobody/2"));
      app.log("generation 2: nobody/1 is null");
      assertEquals(2, app.count("generation 2: twice/1 is first"));
      assertEquals(1, app.count("generation 2: nobody/1 is null"));
      assertEquals(1, app.count("generation 1: asked for first"));
      assertEquals(1, app.count("asked for"));
    }
  }

  private static String claimed(SingleApp app, String name) throws IOException {
    try (RawHttp wire = RawHttp.connect(app.address("public"))) {
      return wire.get("/claim?" + name).text();
    }
  }

  /** Names that are not those of files. */
  static final class Names implements TestProgram.Part {
    private static final List<String> ALL =
        List.of("x".repeat(300), "Z\u00e4hler \"{0}\" %d/1\n", "");

    @Override
    public void prepare(Vertx vertx, GoAgainServerFactory servers) {
      Handover handover = Handover.of(vertx);
      for (int i = 0; i < ALL.size(); i++) {
        int number = i;
        handover.offer(ALL.get(i), () -> Future.succeededFuture(Buffer.buffer("state " + number)));
        handover
            .claim(ALL.get(i))
            .onSuccess(state -> TestProgram.say("name %d is %s", number, state));
      }
    }
  }

  @Test
  void anyNameWillDo() throws Exception {
    try (SingleApp app = TestProgram.starter(Names.class).start()) {
      Generation ignored = Restarts.restart(app.process());
      for (int i = 0; i < Names.ALL.size(); i++) {
        String state = app.log("generation 2: name %d is (.*)".formatted(i)).group(1);
        assertEquals("state " + i, state);
      }
    }
  }
}
