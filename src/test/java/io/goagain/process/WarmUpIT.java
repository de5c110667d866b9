package io.goagain.process;

import static io.goagain.process.SingleApp.assertNothingLost;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.GoAgainServerFactory;
import io.goagain.RestartFailure;
import io.goagain.RestartVerticle;
import io.goagain.WarmUp;
import io.goagain.load.Load;
import io.goagain.process.SingleApp.Reply;
import io.goagain.process.SingleApp.Starter;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.PfxOptions;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a successor does before it says ready, and what becomes of the restart if that fails. */
@Timeout(300)
class WarmUpIT {

  private static final JsonObject GET = new JsonObject().put("path", "/warm");

  private static JsonObject warmUp(JsonObject... requests) {
    JsonArray all = new JsonArray();
    for (JsonObject request : requests) {
      all.add(request);
    }
    return new JsonObject().put("requests", all).put("minDuration", 200).put("maxDuration", 10_000);
  }

  private static Starter starter(Class<? extends TestProgram.Part> part, JsonObject warmUp)
      throws Exception {
    return TestProgram.starter(part).option("warmUp", warmUp);
  }

  /** Says once what kind of requests it gets. */
  static class Tells implements TestProgram.Part {
    private final Set<String> told = ConcurrentHashMap.newKeySet();

    @Override
    public void handle(HttpServerRequest request) {
      String kind =
          "%s %s version=%s warm=%s header=%s"
              .formatted(
                  request.method(),
                  request.path(),
                  request.version(),
                  WarmUp.isWarmUp(request),
                  request.getHeader(WarmUp.HEADER));
      if (told.add(kind)) {
        TestProgram.say("asked: %s", kind);
      }
      request.body().onSuccess(body -> request.response().end("warm " + body + "\n"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"single", "double"})
  void requestsComeBeforeReadyAndAreMarked(String strategy) throws Exception {
    JsonObject post =
        new JsonObject()
            .put("method", "POST")
            .put("path", "/posted")
            .put("headers", new JsonObject().put("x-some", "header"))
            .put("body", "text")
            .put("weight", 2);
    try (SingleApp app =
        starter(Tells.class, warmUp(GET, post)).option("strategy", strategy).start()) {
      assertEquals(0, app.count("asked:"), "generation 1 is nobody's successor");
      Load load = app.load(SingleApp.busy(app.address("public")));
      Reply reply;
      if (strategy.equals("single")) {
        reply = app.restartWell(null);
        assertNothingLost(load, 1, 2);
      } else {
        reply = app.restart();
        app.process().awaitReady(3);
        assertNothingLost(load, 1, 2, 3);
        assertEquals(2, app.count("asked: GET"));
      }
      assertEquals(200, reply.status(), reply::toString);
      assertEquals("warm \n", Wire.fetch(app.address("public"), "/warm"));
      String asked = "generation 2: asked: ";
      app.log(asked + "GET /warm version=HTTP_1_1 warm=true header=true");
      app.log(asked + "POST /posted version=HTTP_1_1 warm=true header=true");
      app.log("asked: GET /warm version=HTTP_1_1 warm=false header=null");
      JsonObject phases = reply.body().getJsonObject("phases");
      assertTrue(phases.getLong("booted") < phases.getLong("ready"), phases::encode);
      assertTrue(phases.getLong("ready") - phases.getLong("booted") >= 200, phases::encode);
    }
  }

  static final class Tls extends Tells {
    @Override
    public HttpServerOptions http() {
      return new HttpServerOptions()
          .setSsl(true)
          .setUseAlpn(true)
          .setKeyCertOptions(
              new PfxOptions().setPath(System.getProperty("keystore")).setPassword("secret"));
    }
  }

  @Test
  void overTlsAllThatTheServerOffers() throws Exception {
    Starter starter = starter(Tls.class, warmUp(GET));
    Path keystore = ProtocolHandoverIT.makeKeystore(starter.directory());
    try (SingleApp app = starter.jvm("-Dkeystore=" + keystore).start()) {
      app.restartWell(null);
      app.log("generation 2: asked: GET /warm version=HTTP_1_1 warm=true");
      app.log("generation 2: asked: GET /warm version=HTTP_2 warm=true");
    }
  }

  /** Answers a warm-up once there is a file; a client can ask at any time. */
  static final class Holds implements TestProgram.Part {
    private final AtomicInteger asked = new AtomicInteger();
    private Vertx vertx;

    @Override
    public void prepare(Vertx vertx, GoAgainServerFactory servers) {
      this.vertx = vertx;
    }

    @Override
    public void handle(HttpServerRequest request) {
      if (asked.incrementAndGet() == 1) {
        TestProgram.say("door %d", request.connection().localAddress().port());
      }
      Path release = Path.of(System.getProperty("release"));
      vertx.setPeriodic(
          20,
          id -> {
            if (Files.exists(release)) {
              vertx.cancelTimer(id);
              request.response().end("released\n");
            }
          });
    }
  }

  @Test
  void nobodyElseIsHeard() throws Exception {
    Starter starter = starter(Holds.class, warmUp(GET).put("maxDuration", 30_000));
    Path release = starter.directory().resolve("release");
    try (SingleApp app = starter.jvm("-Drelease=" + release).start()) {
      CompletableFuture<Reply> reply = app.restartLater(new JsonObject());
      int door = Integer.parseInt(app.log("generation 2: door (\\d+)").group(1));
      try (Socket stranger = new Socket(InetAddress.getLoopbackAddress(), door)) {
        assertEquals(-1, stranger.getInputStream().read());
      }
      Files.createFile(release);
      assertEquals(200, reply.get().status());
      app.process().awaitReady(2);
      assertEquals("hello generation=2", Wire.fetch(app.address("public"), "/").substring(0, 18));
    }
  }

  @Test
  void noAnswerInTimeFailsTheRestart() throws Exception {
    Starter starter = starter(Holds.class, warmUp(GET).put("maxDuration", 500));
    try (SingleApp app = starter.jvm("-Drelease=/nonexistent/file").start()) {
      assertGoesOn(app, RestartFailure.WARM_UP_FAILED, "no request was answered within");
    }
  }

  static final class Breaks implements TestProgram.Part {
    @Override
    public void handle(HttpServerRequest request) {
      switch (request.path()) {
        case "/500" -> request.response().setStatusCode(500).end();
        case "/closed" -> request.connection().close();
        default -> request.response().setStatusCode(404).end();
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"/500", "/closed"})
  void failingRequestFailsTheRestart(String path) throws Exception {
    try (SingleApp app =
        starter(Breaks.class, warmUp(new JsonObject().put("path", path))).start()) {
      assertGoesOn(app, RestartFailure.WARM_UP_FAILED, "the warm-up request GET " + path + " ");
    }
  }

  @Test
  void failingRequestIsLogged() throws Exception {
    JsonObject logged = warmUp(new JsonObject().put("path", "/500"), GET).put("onFailure", "log");
    try (SingleApp app = starter(Breaks.class, logged).start()) {
      app.restartWell(null);
      app.log("warm-up: .* requests failed; the first: .* GET /500 was answered with status 500");
    }
  }

  @Test
  void unknownListenerFailsTheRestart() throws Exception {
    JsonObject elsewhere = warmUp(new JsonObject().put("listener", "nowhere"));
    try (SingleApp app = starter(Tells.class, elsewhere).start()) {
      assertGoesOn(app, RestartFailure.WARM_UP_FAILED, "no HTTP server \"nowhere\"");
    }
  }

  /** Fails, hangs, or takes its time, as a system property says. */
  static final class Handlers implements TestProgram.Part {
    private final AtomicInteger asked = new AtomicInteger();
    private Vertx vertx;

    @Override
    public void prepare(Vertx vertx, GoAgainServerFactory servers) {
      this.vertx = vertx;
    }

    @Override
    public void beforeReady(RestartVerticle verticle) {
      switch (System.getProperty("how")) {
        case "in order" ->
            verticle
                .warmUp("first", () -> vertx.timer(100).onSuccess(t -> TestProgram.say("first")))
                .warmUp("second", () -> Future.succeededFuture(say("second")))
                .readiness("third", () -> Future.succeededFuture(say("third")));
        case "hang" -> verticle.warmUp("cache", () -> Promise.promise().future());
        case "throw" ->
            verticle.warmUp(
                "cache",
                () -> {
                  throw new IllegalStateException("no cache");
                });
        case "late" ->
            verticle.readiness(
                "pool",
                () ->
                    asked.incrementAndGet() < 3
                        ? Future.failedFuture("no connection")
                        : Future.succeededFuture(say("pool")));
        case "down" -> verticle.readiness("pool", () -> Future.failedFuture("no connection"));
        default -> throw new IllegalArgumentException();
      }
    }

    private static String say(String what) {
      TestProgram.say(what);
      return what;
    }
  }

  private static Starter handlers(String how) throws Exception {
    return TestProgram.starter(Handlers.class).jvm("-Dhow=" + how);
  }

  @Test
  void handlersInTheirOrder() throws Exception {
    try (SingleApp app = handlers("in order").start()) {
      app.restartWell(null);
      assertEquals(
          List.of("first", "second", "third"),
          app.process().lines().stream()
              .filter(line -> line.matches("generation 2: (first|second|third)"))
              .map(line -> line.substring("generation 2: ".length()))
              .toList());
    }
  }

  @Test
  void hangingHandlerIsNamedWhenTheTimeIsOver() throws Exception {
    try (SingleApp app = handlers("hang").option("readyTimeout", 10_000).start()) {
      assertGoesOn(app, RestartFailure.NOT_READY, "the warm-up \"cache\"");
    }
  }

  @Test
  void throwingHandlerFailsTheRestart() throws Exception {
    try (SingleApp app = handlers("throw").start()) {
      assertGoesOn(app, RestartFailure.WARM_UP_FAILED, "no cache");
    }
  }

  @Test
  void throwingHandlerIsLogged() throws Exception {
    JsonObject log = new JsonObject().put("onFailure", "log");
    try (SingleApp app = handlers("throw").option("warmUp", log).start()) {
      app.restartWell(null);
      app.log("the warm-up \"cache\" failed: .*no cache; onFailure says to go on");
    }
  }

  @Test
  void checkThatPassesLate() throws Exception {
    try (SingleApp app = handlers("late").start()) {
      app.restartWell(null);
      app.log("generation 2: pool");
    }
  }

  @Test
  void checkThatFails() throws Exception {
    try (SingleApp app = handlers("down").option("readinessTimeout", 300).start()) {
      assertGoesOn(
          app, RestartFailure.UNHEALTHY, "the readiness check \"pool\" failed: no connection");
    }
  }

  /** The restart fails for this reason, and nobody but the successor notices. */
  private static void assertGoesOn(SingleApp app, RestartFailure failure, String reason)
      throws Exception {
    Load load = app.load(SingleApp.busy(app.address("public")));
    Reply reply = app.restart();
    assertEquals(500, reply.status(), reply::toString);
    assertEquals(failure.code(), reply.code(), reply::toString);
    assertTrue(reply.message().contains(reason), reply::toString);
    app.awaitAlone(app.process().newest().pid());
    assertNothingLost(load, 1);
  }
}
