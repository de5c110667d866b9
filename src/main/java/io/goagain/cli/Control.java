package io.goagain.cli;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpClientRequest;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.SocketAddress;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;

/** Talks HTTP over Unix sockets. Its threads do not keep a JVM alive. */
final class Control implements AutoCloseable {

  private final Vertx vertx =
      Vertx.vertx(
          new VertxOptions()
              .setEventLoopPoolSize(1)
              .setWorkerPoolSize(1)
              .setInternalBlockingPoolSize(1)
              .setPreferNativeTransport(true)
              .setUseDaemonThread(true)
              .setFileSystemOptions(
                  new FileSystemOptions()
                      .setClassPathResolvingEnabled(false)
                      .setFileCachingEnabled(false)));
  // An idle connection would be one more for the service to drain.
  private final HttpClient client =
      vertx.createHttpClient(new HttpClientOptions().setKeepAlive(false));

  /** Waits for the answer and returns the body of a success. */
  JsonObject ask(Service service, Question question, Duration timeout)
      throws CliException, InterruptedException {
    return await(ask(service, question), service, question, timeout).orFailure(question, service);
  }

  /** Any answer is a success of the future. */
  Future<Answer> ask(Service service, Question question) {
    return request(service, question)
        .compose(
            request ->
                question.body() == null
                    ? request.send()
                    : request
                        .putHeader("Content-Type", "application/json")
                        .send(question.body().toBuffer()))
        .compose(response -> response.body().map(body -> Answer.of(response.statusCode(), body)));
  }

  /**
   * Waits until the events flow. They go to the sink on the event loop, one after the other.
   *
   * @throws CliException if there is no stream within the timeout
   */
  EventStream events(Service service, Duration timeout, Consumer<JsonObject> sink)
      throws CliException, InterruptedException {
    EventStream stream = new EventStream(sink);
    Future<Answer> open =
        request(service, Question.EVENTS)
            .compose(request -> request.putHeader("Accept", "text/event-stream").send())
            .compose(
                response -> {
                  String type = response.getHeader("Content-Type");
                  if (response.statusCode() == 200
                      && type != null
                      && type.startsWith("text/event-stream")) {
                    stream.read(response);
                    return Future.succeededFuture();
                  }
                  return response.body().map(body -> Answer.of(response.statusCode(), body));
                });
    Answer refusal = await(open, service, Question.EVENTS, timeout);
    if (refusal != null) {
      refusal.orFailure(Question.EVENTS, service);
      throw refusal.foreign(Question.EVENTS, service);
    }
    return stream;
  }

  private Future<HttpClientRequest> request(Service service, Question question) {
    if (NotConnected.isTooLong(service.path())) {
      return Future.failedFuture(new NotConnected(service.path(), null));
    }
    return client
        .request(
            new RequestOptions()
                .setServer(SocketAddress.domainSocketAddress(service.path()))
                .setHost("goagain")
                .setPort(80)
                .setMethod(question.method())
                .setURI(question.uri()))
        .recover(failure -> Future.failedFuture(new NotConnected(service.path(), failure)));
  }

  /** What could not be had within the timeout is a failure with a sentence. */
  private static <T> T await(Future<T> future, Service service, Question question, Duration timeout)
      throws CliException, InterruptedException {
    try {
      return future.toCompletionStage().toCompletableFuture().get(timeout.toNanos(), NANOSECONDS);
    } catch (ExecutionException e) {
      throw CliException.unreachable(
          question.failed(service) + Reason.of(e.getCause()), e.getCause());
    } catch (TimeoutException e) {
      throw CliException.unreachable(
          question.failed(service) + Reason.silence(timeout, question.method()), e);
    }
  }

  /** Waits. Not a sleep of the caller alone: it ends with an exception when this is closed. */
  void pause(Duration duration) throws InterruptedException {
    try {
      vertx
          .timer(duration.toMillis(), TimeUnit.MILLISECONDS)
          .toCompletionStage()
          .toCompletableFuture()
          .get();
    } catch (ExecutionException e) {
      throw new IllegalStateException("the timer was cancelled", e);
    }
  }

  /** Does not wait for the threads. */
  @Override
  public void close() {
    vertx.close();
  }
}
