package io.goagain.cluster;

import io.vertx.core.json.JsonObject;
import java.util.Map;

/** Configures a {@link ClusterVerticle}. All times are in milliseconds, in JSON too. */
public class ClusterOptions {

  /** Default of {@link #setLeaveTimeout}: 30 seconds. */
  public static final long DEFAULT_LEAVE_TIMEOUT = 30_000;

  /** Default of {@link #setRequestTimeout}: 30 seconds, as that of the event bus. */
  public static final long DEFAULT_REQUEST_TIMEOUT = 30_000;

  private String node;
  private String version;
  private long leaveTimeout = DEFAULT_LEAVE_TIMEOUT;
  private long requestTimeout = DEFAULT_REQUEST_TIMEOUT;

  /** All defaults. */
  public ClusterOptions() {}

  /** A copy. */
  public ClusterOptions(ClusterOptions other) {
    node = other.node;
    version = other.version;
    leaveTimeout = other.leaveTimeout;
    requestTimeout = other.requestTimeout;
  }

  /**
   * From JSON, whose fields have the names of the properties.
   *
   * @throws IllegalArgumentException if a field is unknown or has a value of the wrong type; its
   *     message names the field
   */
  public ClusterOptions(JsonObject json) {
    for (Map.Entry<String, Object> field : json) {
      set(field.getKey(), field.getValue());
    }
  }

  private void set(String name, Object value) {
    try {
      switch (name) {
        case "node" -> setNode((String) value);
        case "version" -> setVersion((String) value);
        case "leaveTimeout" -> setLeaveTimeout(((Number) value).longValue());
        case "requestTimeout" -> setRequestTimeout(((Number) value).longValue());
        default -> throw new IllegalArgumentException("there is no option of that name");
      }
    } catch (ClassCastException | NullPointerException e) {
      throw new IllegalArgumentException(
          "ClusterOptions: \"%s\" cannot be %s".formatted(name, value), e);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "ClusterOptions: \"%s\": %s".formatted(name, e.getMessage()), e);
    }
  }

  /** As JSON, without what is null. */
  public JsonObject toJson() {
    JsonObject json =
        new JsonObject().put("leaveTimeout", leaveTimeout).put("requestTimeout", requestTimeout);
    if (node != null) {
      json.put("node", node);
    }
    if (version != null) {
      json.put("version", version);
    }
    return json;
  }

  /** The name of this node, or null. */
  public String getNode() {
    return node;
  }

  /**
   * Sets the name of this node, which all generations of a process have in common and no other node
   * of the cluster has. Null, the default: the address of its member and the port of its first TCP
   * listener.
   */
  public ClusterOptions setNode(String node) {
    if (node != null && node.isEmpty()) {
      throw new IllegalArgumentException("must not be empty");
    }
    this.node = node;
    return this;
  }

  /** The version of the program, or null. */
  public String getVersion() {
    return version;
  }

  /** Sets the version of the program, for whoever looks at the status. Null, the default: none. */
  public ClusterOptions setVersion(String version) {
    this.version = version;
    return this;
  }

  /** How long leaving the event bus may take. */
  public long getLeaveTimeout() {
    return leaveTimeout;
  }

  /**
   * Sets how long a process that leaves waits for messages that are on their way to it and for
   * requests in flight, in milliseconds. {@link io.goagain.RestartOptions#setDrainTimeout} limits
   * that, too.
   */
  public ClusterOptions setLeaveTimeout(long leaveTimeout) {
    this.leaveTimeout = positive(leaveTimeout);
    return this;
  }

  /** How long a request on the event bus may be unanswered. */
  public long getRequestTimeout() {
    return requestTimeout;
  }

  /**
   * Sets how long a request on the event bus may be unanswered before whoever sent it has given up,
   * in milliseconds: the longest send timeout that the application uses. A process that leaves does
   * not wait for older ones.
   */
  public ClusterOptions setRequestTimeout(long requestTimeout) {
    this.requestTimeout = positive(requestTimeout);
    return this;
  }

  private static long positive(long millis) {
    if (millis <= 0) {
      throw new IllegalArgumentException("must be positive, is " + millis);
    }
    return millis;
  }
}
