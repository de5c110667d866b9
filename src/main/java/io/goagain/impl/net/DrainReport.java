package io.goagain.impl.net;

import io.vertx.core.json.JsonObject;
import java.util.List;

/**
 * How a drain went.
 *
 * @param finished connections that ended by themselves
 * @param closed connections that were told to close, or closed while they were idle
 * @param moved connections that the successor has
 * @param cut connections that were closed at the deadline
 * @param cutDescriptions one line for each of the first few of those: what it was doing
 * @param millis how long it took
 */
public record DrainReport(
    int finished, int closed, int moved, int cut, List<String> cutDescriptions, long millis) {

  static final DrainReport NOTHING = new DrainReport(0, 0, 0, 0, List.of(), 0);

  /** The counts and the time. */
  public JsonObject toJson() {
    return new JsonObject()
        .put("finished", finished)
        .put("closed", closed)
        .put("moved", moved)
        .put("cut", cut)
        .put("millis", millis);
  }
}
