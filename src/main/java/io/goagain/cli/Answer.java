package io.goagain.cli;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;

/**
 * An answer of whoever listens on the socket.
 *
 * @param status the code of HTTP
 * @param json null if the body is no JSON object
 */
record Answer(int status, JsonObject json) {

  private static final int FORBIDDEN = 403;

  static Answer of(int status, Buffer body) {
    try {
      return new Answer(status, new JsonObject(body));
    } catch (DecodeException | ClassCastException e) {
      return new Answer(status, null);
    }
  }

  /** A control API may refuse even its status, and is one all the same. */
  boolean isOfControlApi() {
    return json != null
        && (status == FORBIDDEN
            ? json.containsKey("code")
            : json.containsKey("generation") && json.containsKey("pid"));
  }

  /** The body of a success; else the sentence that fits. */
  JsonObject orFailure(Question question, Service service) throws CliException {
    boolean success = status >= 200 && status < 300;
    if (success && json != null && question.field() != null && json.containsKey(question.field())) {
      return json;
    }
    if (success || json == null || !json.containsKey("code")) {
      throw foreign(question, service);
    }
    String code = String.valueOf(json.getValue("code"));
    String reason = code + ": " + Text.oneLine(json.getValue("message", "no reason was given"));
    if (status == FORBIDDEN) {
      throw CliException.refused(
          code,
          question.failed(service) + reason + "; run this as the user of the service, or as root");
    }
    throw CliException.failed(
        code,
        question.failed(service)
            + reason
            + "; the service goes on as before, its log may have more");
  }

  /** Not the API that was expected. */
  CliException foreign(Question question, Service service) {
    return CliException.refused(
        "NO_CONTROL_API",
        question.failed(service)
            + "%s %s was answered with %d, and not as a control socket of GoAgain does it; "
                .formatted(question.method(), question.uri(), status)
            + "is this the socket of another server?");
  }
}
