package io.goagain.cluster.impl;

import io.vertx.core.Handler;
import io.vertx.core.eventbus.DeliveryContext;
import io.vertx.core.eventbus.EventBus;
import io.vertx.core.eventbus.Message;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The event-bus requests that this process has to answer, and those to which it awaits the answer.
 * Costs two operations on a map for each request, on each side. From any thread.
 */
final class InFlight {

  private final EventBus bus;
  private final long limit;
  private final Map<String, Long> toAnswer = new ConcurrentHashMap<>();
  private final Map<String, Long> awaited = new ConcurrentHashMap<>();
  private final AtomicLong stragglers = new AtomicLong();
  private final Handler<DeliveryContext<Object>> inbound = this::arrives;
  private final Handler<DeliveryContext<Object>> outbound = this::leaves;
  private volatile Set<String> withdrawn = Set.of();

  /**
   * Counts nothing yet.
   *
   * @param limitMillis after which whoever asked has given up
   */
  InFlight(EventBus bus, long limitMillis) {
    this.bus = bus;
    this.limit = TimeUnit.MILLISECONDS.toNanos(limitMillis);
  }

  void begin() {
    bus.addInboundInterceptor(inbound);
    bus.addOutboundInterceptor(outbound);
  }

  void end() {
    bus.removeInboundInterceptor(inbound);
    bus.removeOutboundInterceptor(outbound);
  }

  private void arrives(DeliveryContext<Object> delivery) {
    Message<Object> message = delivery.message();
    String address = message.address();
    awaited.remove(address);
    if (message.replyAddress() != null && !NodeMessages.isInternal(address)) {
      toAnswer.put(message.replyAddress(), System.nanoTime());
    }
    if (withdrawn.contains(address)) {
      stragglers.incrementAndGet();
    }
    delivery.next();
  }

  private void leaves(DeliveryContext<Object> delivery) {
    Message<Object> message = delivery.message();
    String address = message.address();
    toAnswer.remove(address);
    if (message.replyAddress() != null && !NodeMessages.isInternal(address)) {
      awaited.put(message.replyAddress(), System.nanoTime());
    }
    delivery.next();
  }

  /** Counts what still comes there from now on. */
  void watch(Set<String> addresses) {
    withdrawn = addresses;
  }

  /** How much has come there. */
  long stragglers() {
    return stragglers.get();
  }

  int toAnswer() {
    forget(toAnswer);
    return toAnswer.size();
  }

  int awaited() {
    forget(awaited);
    return awaited.size();
  }

  /** What failed at once, or timed out, is not told to an interceptor. */
  void forgetOld() {
    forget(toAnswer);
    forget(awaited);
  }

  private void forget(Map<String, Long> requests) {
    long now = System.nanoTime();
    requests.values().removeIf(begun -> now - begun > limit);
  }
}
