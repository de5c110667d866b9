package io.goagain;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * How a successor exercises itself between adopting its listeners and ready. It sends the requests
 * to its own servers, through connections that only it can make, over the protocols that the server
 * speaks: HTTP/1.1, and with TLS and ALPN what the server offers there.
 *
 * <p>It ends when latency has settled: when, after the minimum duration, the median of ten windows
 * in a row is not a tenth better than the best one before them; a window is 100 milliseconds, or
 * longer until it has 20 answers. It ends at the maximum duration in any case.
 *
 * <p>A process that is nobody's successor skips all of this: nobody would serve instead of it.
 */
public class WarmUpOptions {

  /** What becomes of a restart whose warm-up fails. */
  public enum OnFailure {
    /** It fails, and the predecessor goes on. */
    FAIL,
    /** It goes on; the first failure is logged. */
    LOG
  }

  /** Default of {@link #setConcurrency}. */
  public static final int DEFAULT_CONCURRENCY = 2;

  /** Default of {@link #setMinDuration}: half a second. */
  public static final long DEFAULT_MIN_DURATION = 500;

  /** Default of {@link #setMaxDuration}: 5 seconds. */
  public static final long DEFAULT_MAX_DURATION = 5_000;

  private List<WarmUpRequest> requests = List.of();
  private int concurrency = DEFAULT_CONCURRENCY;
  private long minDuration = DEFAULT_MIN_DURATION;
  private long maxDuration = DEFAULT_MAX_DURATION;
  private OnFailure onFailure = OnFailure.FAIL;

  /** No requests. */
  public WarmUpOptions() {}

  /** A copy. */
  public WarmUpOptions(WarmUpOptions other) {
    setRequests(other.requests);
    concurrency = other.concurrency;
    minDuration = other.minDuration;
    maxDuration = other.maxDuration;
    onFailure = other.onFailure;
  }

  /**
   * From JSON, whose fields have the names of the properties.
   *
   * @throws IllegalArgumentException if a field is unknown or has a value of the wrong type
   */
  public WarmUpOptions(JsonObject json) {
    for (Map.Entry<String, Object> field : json) {
      Object value = field.getValue();
      try {
        switch (field.getKey()) {
          case "requests" -> setRequests(requests((JsonArray) value));
          case "concurrency" -> setConcurrency(((Number) value).intValue());
          case "minDuration" -> setMinDuration(((Number) value).longValue());
          case "maxDuration" -> setMaxDuration(((Number) value).longValue());
          case "onFailure" -> setOnFailure(onFailure((String) value));
          default ->
              throw new IllegalArgumentException(
                  "\"" + field.getKey() + "\" is no field of a warm-up");
        }
      } catch (ClassCastException | NullPointerException e) {
        throw new IllegalArgumentException(
            "\"%s\" of a warm-up cannot be %s".formatted(field.getKey(), value), e);
      }
    }
  }

  private static List<WarmUpRequest> requests(JsonArray array) {
    List<WarmUpRequest> requests = new ArrayList<>();
    for (int i = 0; i < array.size(); i++) {
      requests.add(new WarmUpRequest(array.getJsonObject(i)));
    }
    return requests;
  }

  private static OnFailure onFailure(String text) {
    for (OnFailure known : OnFailure.values()) {
      if (known.name().toLowerCase(Locale.ROOT).equals(text)) {
        return known;
      }
    }
    throw new IllegalArgumentException("onFailure must be fail or log, is " + text);
  }

  /** As JSON. */
  public JsonObject toJson() {
    JsonArray array = new JsonArray();
    requests.forEach(request -> array.add(request.toJson()));
    return new JsonObject()
        .put("requests", array)
        .put("concurrency", concurrency)
        .put("minDuration", minDuration)
        .put("maxDuration", maxDuration)
        .put("onFailure", onFailure.name().toLowerCase(Locale.ROOT));
  }

  /** The requests. */
  public List<WarmUpRequest> getRequests() {
    return requests;
  }

  /** Sets the requests; with none of them, none are sent. */
  public WarmUpOptions setRequests(List<WarmUpRequest> requests) {
    this.requests = requests.stream().map(WarmUpRequest::new).toList();
    return this;
  }

  /** How many requests are in flight at a time. */
  public int getConcurrency() {
    return concurrency;
  }

  /** Sets how many requests are in flight at a time, each on a connection of its own: 1 to 256. */
  public WarmUpOptions setConcurrency(int concurrency) {
    if (concurrency < 1 || concurrency > 256) {
      throw new IllegalArgumentException("concurrency must be 1 to 256, is " + concurrency);
    }
    this.concurrency = concurrency;
    return this;
  }

  /** How long requests are sent at least, in milliseconds. */
  public long getMinDuration() {
    return minDuration;
  }

  /** Sets how long requests are sent at least, in milliseconds, however soon latency settles. */
  public WarmUpOptions setMinDuration(long minDuration) {
    if (minDuration < 0) {
      throw new IllegalArgumentException("minDuration must not be negative, is " + minDuration);
    }
    this.minDuration = minDuration;
    return this;
  }

  /** How long requests are sent at most, in milliseconds. */
  public long getMaxDuration() {
    return maxDuration;
  }

  /**
   * Sets how long requests are sent at most, in milliseconds; less than the minimum duration counts
   * as that. What is in flight then is given up; that no request was answered until then is a
   * failure. Keep it below {@link RestartOptions#getReadyTimeout}.
   */
  public WarmUpOptions setMaxDuration(long maxDuration) {
    if (maxDuration <= 0) {
      throw new IllegalArgumentException("maxDuration must be positive, is " + maxDuration);
    }
    this.maxDuration = maxDuration;
    return this;
  }

  /** What becomes of a restart whose warm-up fails. */
  public OnFailure getOnFailure() {
    return onFailure;
  }

  /**
   * Sets what becomes of a restart whose warm-up fails. A request fails if the connection does, or
   * if it is answered with a status of 500 or more.
   */
  public WarmUpOptions setOnFailure(OnFailure onFailure) {
    this.onFailure = onFailure;
    return this;
  }
}
