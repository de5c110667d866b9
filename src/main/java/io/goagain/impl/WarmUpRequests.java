package io.goagain.impl;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.goagain.WarmUp;
import io.goagain.WarmUpOptions;
import io.goagain.WarmUpOptions.OnFailure;
import io.goagain.WarmUpRequest;
import io.goagain.impl.net.Listener;
import io.goagain.impl.net.Listeners;
import io.goagain.impl.net.PrivateDoor;
import io.goagain.impl.net.Rehearsal;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpClientResponse;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.http.PoolOptions;
import io.vertx.core.http.RequestOptions;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Sends the requests of a warm-up to the servers of this process, until latency has settled or the
 * time is over. Confined to its context.
 */
final class WarmUpRequests {

  private static final System.Logger LOG = System.getLogger(WarmUpRequests.class.getName());

  /** Before the request after one that failed. */
  private static final long PAUSE_MILLIS = 20;

  private final Vertx vertx;
  private final Context context;
  private final Listeners listeners;
  private final WarmUpOptions options;

  /** Often enough for the compilers to notice. */
  private static final long REHEARSAL_MILLIS = 10;

  /** Each as often as it weighs. */
  private final List<WarmUpRequest> turns = new ArrayList<>();

  private final Map<WarmUpRequest, List<HttpClient>> clients = new HashMap<>();
  private final List<PrivateDoor> doors = new ArrayList<>();
  private final Settling settling = new Settling();
  private final Promise<Void> over = Promise.promise();
  private final long begun = System.nanoTime();
  private Rehearsal rehearsal;
  private long sent;
  private long answers;
  private long failures;
  private String firstFailure;

  WarmUpRequests(Vertx vertx, Listeners listeners, WarmUpOptions options) {
    this.vertx = vertx;
    this.context = vertx.getOrCreateContext();
    this.listeners = listeners;
    this.options = options;
    for (WarmUpRequest request : options.getRequests()) {
      for (int i = 0; i < request.getWeight(); i++) {
        turns.add(request);
      }
    }
  }

  /** The future fails with a sentence that names the request. */
  Future<Void> run() {
    if (turns.isEmpty()) {
      return Future.succeededFuture();
    }
    return Future.join(options.getRequests().stream().map(this::open).toList())
        .compose(
            opened -> {
              for (int i = 0; i < options.getConcurrency(); i++) {
                next(i);
              }
              watchTheTime();
              rehearse();
              return over.future();
            })
        .eventually(this::close);
  }

  private Future<?> open(WarmUpRequest request) {
    Listener listener = listenerOf(request);
    if (listener == null) {
      return Future.failedFuture(
          "no HTTP server %s was deployed by GoAgainServerFactory for %s"
              .formatted(
                  request.getListener() == null ? "" : "\"" + request.getListener() + "\"",
                  describe(request)));
    }
    if (listener.http().isUseProxyProtocol()) {
      return Future.failedFuture(
          "the server of \"%s\" expects the PROXY protocol, which %s does not have: warm it up with a WarmUp handler"
              .formatted(listener.name(), describe(request)));
    }
    return Future.fromCompletionStage(PrivateDoor.open(listeners, listener), context)
        .map( // and not a handler beside it, which may come after those of the future
            door -> {
              doors.add(door);
              return clients.put(request, clients(listener.http(), door.port()));
            });
  }

  private Listener listenerOf(WarmUpRequest request) {
    return listeners.open().stream()
        .filter(listener -> listener.http() != null)
        .filter(l -> request.getListener() == null || l.name().equals(request.getListener()))
        .findFirst()
        .orElse(null);
  }

  /** One for each version that clients of the server will speak. */
  private List<HttpClient> clients(HttpServerOptions server, int port) {
    boolean negotiates = server.isSsl() && server.isUseAlpn();
    List<HttpVersion> versions =
        negotiates ? server.getAlpnVersions() : List.of(HttpVersion.HTTP_1_1);
    List<HttpClient> all = new ArrayList<>();
    for (HttpVersion version : versions) {
      HttpClientOptions client =
          new HttpClientOptions()
              .setDefaultHost("127.0.0.1")
              .setDefaultPort(port)
              .setProtocolVersion(version)
              .setSsl(server.isSsl())
              .setTrustAll(true)
              .setVerifyHost(false)
              .setUseAlpn(negotiates);
      all.add(
          vertx.createHttpClient(
              client, new PoolOptions().setHttp1MaxSize(options.getConcurrency())));
    }
    return all;
  }

  private void watchTheTime() {
    long end = Math.max(options.getMinDuration(), options.getMaxDuration());
    vertx.setPeriodic(
        Settling.WINDOW_MILLIS,
        id -> {
          settling.windowEnds();
          long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun);
          if (millis >= end && answers == 0) {
            fails("no request was answered within %d ms".formatted(millis));
          }
          boolean enough = settling.isSettled() && millis >= options.getMinDuration();
          if (enough || millis >= end) {
            over.tryComplete();
          }
          if (over.future().isComplete()) {
            vertx.cancelTimer(id);
          }
        });
  }

  /** What is moved to a process that is about to serve should not meet cold code either. */
  private void rehearse() {
    if (listeners.open().stream().noneMatch(Rehearsal::isFor)) {
      return;
    }
    try {
      Rehearsal opened = Rehearsal.open(listeners);
      rehearsal = opened;
      vertx.setPeriodic(
          REHEARSAL_MILLIS,
          id -> {
            if (over.future().isComplete()) {
              vertx.cancelTimer(id);
            } else {
              opened.move();
            }
          });
    } catch (IOException e) {
      LOG.log(WARNING, "warm-up: that connections move is not rehearsed", e);
    }
  }

  private void next(int worker) {
    if (over.future().isComplete()) {
      return;
    }
    WarmUpRequest request = turns.get((int) (sent++ % turns.size()));
    List<HttpClient> versions = clients.get(request);
    long at = System.nanoTime();
    send(versions.get(worker % versions.size()), request)
        .onComplete(
            status -> {
              if (over.future().isComplete()) {
                return; // given up
              }
              answers++;
              if (status >= 500) {
                fails("%s was answered with status %d".formatted(describe(request), status));
              } else {
                settling.answered(System.nanoTime() - at);
              }
              next(worker);
            },
            failure -> {
              if (over.future().isComplete()) {
                return;
              }
              fails("%s failed: %s".formatted(describe(request), failure));
              vertx.setTimer(PAUSE_MILLIS, id -> next(worker));
            });
  }

  private static Future<Integer> send(HttpClient client, WarmUpRequest request) {
    RequestOptions line =
        new RequestOptions()
            .setMethod(HttpMethod.valueOf(request.getMethod()))
            .setURI(request.getPath())
            .putHeader(WarmUp.HEADER, "true");
    request.getHeaders().forEach(line::putHeader);
    return client
        .request(line)
        .compose(
            open ->
                request.getBody() == null
                    ? open.send()
                    : open.send(Buffer.buffer(request.getBody())))
        .compose(WarmUpRequests::status);
  }

  private static Future<Integer> status(HttpClientResponse response) {
    return response.body().map(read -> response.statusCode());
  }

  private void fails(String what) {
    failures++;
    if (firstFailure == null) {
      firstFailure = what;
    }
    if (options.getOnFailure() == OnFailure.FAIL) {
      over.tryFail(what);
    }
  }

  private Future<?> close() {
    if (failures > 0) {
      LOG.log(
          WARNING,
          "warm-up: {0} of {1} requests failed; the first: {2}",
          failures,
          sent,
          firstFailure);
    }
    LOG.log(
        INFO,
        "warm-up: {0} answers in {1} ms, latency {2}",
        Long.toString(answers),
        Long.toString(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun)),
        settling.isSettled() ? "settled" : "not settled");
    doors.forEach(PrivateDoor::close);
    return Future.join(
            clients.values().stream().flatMap(List::stream).map(HttpClient::close).toList())
        .onComplete(
            closed -> {
              if (rehearsal != null) {
                rehearsal.close();
              }
            });
  }

  private static String describe(WarmUpRequest request) {
    return "the warm-up request " + request.getMethod() + " " + request.getPath();
  }
}
