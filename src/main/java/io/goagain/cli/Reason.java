package io.goagain.cli;

import io.vertx.core.http.HttpClosedException;
import io.vertx.core.http.HttpMethod;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.TimeoutException;

/** Why there was no answer, and what to do: the second half of a sentence. */
final class Reason {

  static final String ENDED =
      "the connection ended before the answer; look into the log of the service, and ask for its"
          + " status and history";

  private Reason() {}

  static String of(Throwable failure) {
    if (failure instanceof NotConnected) {
      return failure.getMessage();
    }
    if (failure instanceof HttpClosedException || failure instanceof IOException) {
      return ENDED;
    }
    return "what came is no answer of HTTP (%s); is this the socket of another server?"
        .formatted(Text.oneLine(failure.getMessage()));
  }

  /** Without advice, for a list. */
  static String brief(Throwable failure) {
    return failure instanceof TimeoutException ? "no answer" : of(failure).replaceFirst(";.*", "");
  }

  static String silence(Duration timeout, HttpMethod method) {
    String text = "no answer within " + Text.seconds(timeout) + " s; ";
    return method.equals(HttpMethod.GET)
        ? text + "is the service stopped or overloaded?"
        : text
            + "it may still be at it: ask for its status and history, and give it more with"
            + " --timeout";
  }
}
