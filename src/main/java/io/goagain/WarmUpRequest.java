package io.goagain;

import io.vertx.core.json.JsonObject;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/** A request that a successor sends to itself before it says ready. */
public class WarmUpRequest {

  private String listener;
  private String method = "GET";
  private String path = "/";
  private Map<String, String> headers = Map.of();
  private String body;
  private int weight = 1;

  /** {@code GET /}. */
  public WarmUpRequest() {}

  /** A copy. */
  public WarmUpRequest(WarmUpRequest other) {
    listener = other.listener;
    method = other.method;
    path = other.path;
    headers = other.headers;
    body = other.body;
    weight = other.weight;
  }

  /**
   * From JSON, whose fields have the names of the properties.
   *
   * @throws IllegalArgumentException if a field is unknown or has a value of the wrong type
   */
  public WarmUpRequest(JsonObject json) {
    for (Map.Entry<String, Object> field : json) {
      Object value = field.getValue();
      try {
        switch (field.getKey()) {
          case "listener" -> setListener((String) value);
          case "method" -> setMethod((String) value);
          case "path" -> setPath((String) value);
          case "headers" -> setHeaders(strings((JsonObject) value));
          case "body" -> setBody((String) value);
          case "weight" -> setWeight(((Number) value).intValue());
          default ->
              throw new IllegalArgumentException(
                  "\"" + field.getKey() + "\" is no field of a warm-up request");
        }
      } catch (ClassCastException | NullPointerException e) {
        throw new IllegalArgumentException(
            "\"%s\" of a warm-up request cannot be %s".formatted(field.getKey(), value), e);
      }
    }
  }

  private static Map<String, String> strings(JsonObject object) {
    Map<String, String> map = new LinkedHashMap<>();
    object.forEach(entry -> map.put(entry.getKey(), (String) entry.getValue()));
    return map;
  }

  /** As JSON, without what is null. */
  public JsonObject toJson() {
    JsonObject json = new JsonObject();
    if (listener != null) {
      json.put("listener", listener);
    }
    json.put("method", method)
        .put("path", path)
        .put("headers", new JsonObject(new LinkedHashMap<>(headers)));
    if (body != null) {
      json.put("body", body);
    }
    return json.put("weight", weight);
  }

  /** The name of the listener whose server gets it, or null for the first HTTP server. */
  public String getListener() {
    return listener;
  }

  /**
   * Sets the name of the listener whose server gets it: one that {@link GoAgainServerFactory} has
   * deployed for HTTP. Null, the default: the first of them.
   */
  public WarmUpRequest setListener(String listener) {
    this.listener = listener;
    return this;
  }

  /** The method. */
  public String getMethod() {
    return method;
  }

  /** Sets the method. */
  public WarmUpRequest setMethod(String method) {
    if (!method.matches("[A-Za-z]+")) {
      throw new IllegalArgumentException("\"" + method + "\" is no HTTP method");
    }
    this.method = method.toUpperCase(Locale.ROOT);
    return this;
  }

  /** The path, with its query. */
  public String getPath() {
    return path;
  }

  /** Sets the path, with its query. */
  public WarmUpRequest setPath(String path) {
    if (!path.startsWith("/")) {
      throw new IllegalArgumentException("\"" + path + "\" does not begin with a slash");
    }
    this.path = path;
    return this;
  }

  /** The headers, besides {@link WarmUp#HEADER}. */
  public Map<String, String> getHeaders() {
    return headers;
  }

  /** Sets the headers; {@code Host} among them says which one is asked for. */
  public WarmUpRequest setHeaders(Map<String, String> headers) {
    headers.forEach((name, value) -> Objects.requireNonNull(value, name));
    this.headers = Collections.unmodifiableMap(new LinkedHashMap<>(headers));
    return this;
  }

  /** The body, or null. */
  public String getBody() {
    return body;
  }

  /** Sets the body, which is sent in UTF-8; null, the default: none. */
  public WarmUpRequest setBody(String body) {
    this.body = body;
    return this;
  }

  /** How often it is sent, compared to the others. */
  public int getWeight() {
    return weight;
  }

  /** Sets how often it is sent, compared to the others: 1 to 1,000. */
  public WarmUpRequest setWeight(int weight) {
    if (weight < 1 || weight > 1_000) {
      throw new IllegalArgumentException("weight must be 1 to 1000, is " + weight);
    }
    this.weight = weight;
    return this;
  }
}
