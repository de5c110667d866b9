package io.goagain.cli;

import io.vertx.core.http.HttpMethod;
import io.vertx.core.json.JsonObject;

/**
 * A request to the control API.
 *
 * @param verb what it does to a service, for sentences: "restart", "read the status of"
 * @param body null for none
 * @param field one that the answer must have, for without it somebody else answered; null if the
 *     answer is no JSON object
 */
record Question(String verb, HttpMethod method, String uri, JsonObject body, String field) {

  static final Question STATUS = get("read the status of", "/status", "generation");
  static final Question HISTORY = get("read the history of", "/history", "restarts");
  static final Question STOP = new Question("stop", HttpMethod.POST, "/stop", null, "finished");
  static final Question EVENTS = get("watch", "/events", null);

  private static Question get(String verb, String uri, String field) {
    return new Question(verb, HttpMethod.GET, uri, null, field);
  }

  /** How the sentence about its failure begins. */
  String failed(Service service) {
    return "could not " + verb + " " + service.name() + ": ";
  }
}
