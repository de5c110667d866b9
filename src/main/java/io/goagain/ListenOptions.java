package io.goagain;

import io.vertx.core.json.JsonObject;
import io.vertx.core.net.SocketAddress;

/** How {@link GoAgainServerFactory} deploys a server. */
public class ListenOptions {

  /** Default of {@link #setInstances}. */
  public static final int DEFAULT_INSTANCES = 1;

  /** Default of {@link #setDrainTimeout}: 30 seconds, in milliseconds. */
  public static final long DEFAULT_DRAIN_TIMEOUT = RestartOptions.DEFAULT_DRAIN_TIMEOUT;

  /** Default of {@link #setHandover}. */
  public static final boolean DEFAULT_HANDOVER = true;

  private SocketAddress address;
  private boolean handover = DEFAULT_HANDOVER;
  private int instances = DEFAULT_INSTANCES;
  private long drainTimeout = DEFAULT_DRAIN_TIMEOUT;

  /** All defaults. */
  public ListenOptions() {}

  /** A copy. */
  public ListenOptions(ListenOptions other) {
    address = other.address;
    instances = other.instances;
    drainTimeout = other.drainTimeout;
    handover = other.handover;
  }

  /**
   * From JSON; the address is {@code {"host": ..., "port": ...}} or {@code {"path": ...}}.
   *
   * @throws IllegalArgumentException if a field is unknown or has a value of the wrong type
   */
  public ListenOptions(JsonObject json) {
    json.forEach(
        field -> {
          try {
            switch (field.getKey()) {
              case "address" -> setAddress(address((JsonObject) field.getValue()));
              case "handover" -> setHandover((Boolean) field.getValue());
              case "instances" -> setInstances((Integer) field.getValue());
              case "drainTimeout" -> setDrainTimeout(((Number) field.getValue()).longValue());
              default -> throw new IllegalArgumentException("there is no option of that name");
            }
          } catch (ClassCastException | NullPointerException | IllegalArgumentException e) {
            throw new IllegalArgumentException(
                "ListenOptions: \"%s\" cannot be %s: %s"
                    .formatted(field.getKey(), field.getValue(), e.getMessage()),
                e);
          }
        });
  }

  private static SocketAddress address(JsonObject json) {
    SocketAddress address = SocketAddress.fromJson(json);
    if (address == null) {
      throw new IllegalArgumentException("an address has a host and a port, or a path");
    }
    return address;
  }

  /** As JSON, without what is null. */
  public JsonObject toJson() {
    JsonObject json =
        new JsonObject()
            .put("instances", instances)
            .put("drainTimeout", drainTimeout)
            .put("handover", handover);
    if (address != null) {
      json.put("address", address.toJson());
    }
    return json;
  }

  /** Where to listen, or null for the host and port of the server's own options. */
  public SocketAddress getAddress() {
    return address;
  }

  /**
   * Sets where to listen, which is how to listen on a Unix socket: {@link
   * SocketAddress#domainSocketAddress}, abstract if the path begins with NUL. Null, the default:
   * the host and port of the server's own options.
   */
  public ListenOptions setAddress(SocketAddress address) {
    this.address = address;
    return this;
  }

  /** How many instances share the listener, each on an event loop of its own. */
  public int getInstances() {
    return instances;
  }

  /** Sets how many instances share the listener, each on an event loop of its own. */
  public ListenOptions setInstances(int instances) {
    if (instances < 1) {
      throw new IllegalArgumentException("must be at least 1, is " + instances);
    }
    this.instances = instances;
    return this;
  }

  /** How long connections may take to finish when the server is undeployed, in milliseconds. */
  public long getDrainTimeout() {
    return drainTimeout;
  }

  /**
   * Sets how long connections may take to finish when the server is undeployed, in milliseconds. At
   * a restart or a stop of the process {@link RestartOptions#setDrainTimeout} counts.
   */
  public ListenOptions setDrainTimeout(long drainTimeout) {
    if (drainTimeout < 0) {
      throw new IllegalArgumentException("must not be negative, is " + drainTimeout);
    }
    this.drainTimeout = drainTimeout;
    return this;
  }

  /** Whether live HTTP/1.1 connections may move to the successor. */
  public boolean isHandover() {
    return handover;
  }

  /**
   * Sets whether live HTTP/1.1 connections may move to the successor. Switch it off where the
   * application keeps state for a connection; they are told to close then.
   */
  public ListenOptions setHandover(boolean handover) {
    this.handover = handover;
    return this;
  }
}
