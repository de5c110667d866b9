package io.goagain.impl;

import static java.lang.System.Logger.Level.WARNING;

import io.goagain.Handover;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** What the application of this process offers, claims and owns. Safe to use from any thread. */
public final class HandoverRegistry {

  private static final System.Logger LOG = System.getLogger(HandoverRegistry.class.getName());

  private record Offer(Context context, Supplier<Future<Buffer>> state) {}

  private record Owner(Context context, Runnable take, Supplier<Future<?>> release) {}

  private final Map<String, Offer> offers = new LinkedHashMap<>();
  private final Map<String, Promise<Buffer>> claims = new LinkedHashMap<>();
  private final List<Owner> owners = new ArrayList<>();
  private boolean complete;
  private boolean owning;

  /** The API, with handlers on one context. */
  public record View(HandoverRegistry registry, Context context) implements Handover {
    @Override
    public Handover offer(String name, Supplier<Future<Buffer>> state) {
      registry.offer(name, new Offer(context, state));
      return this;
    }

    @Override
    public Future<Buffer> claim(String name) {
      Promise<Buffer> onContext = Promise.promise();
      registry
          .claimed(name)
          .onComplete(result -> context.runOnContext(v -> onContext.handle(result)));
      return onContext.future();
    }

    @Override
    public Handover own(Runnable take, Supplier<Future<?>> release) {
      registry.own(new Owner(context, take, release));
      return this;
    }
  }

  private synchronized void offer(String name, Offer offer) {
    if (offers.putIfAbsent(name, offer) != null) {
      throw new IllegalArgumentException("\"" + name + "\" is offered already");
    }
  }

  private synchronized Future<Buffer> claimed(String name) {
    Promise<Buffer> claim = claims.computeIfAbsent(name, n -> Promise.promise());
    if (complete) {
      claim.tryComplete(null);
    }
    return claim.future();
  }

  private void own(Owner owner) {
    boolean now;
    synchronized (this) {
      owners.add(owner);
      now = owning;
    }
    if (now) {
      owner.context().runOnContext(v -> owner.take().run());
    }
  }

  /** The state of a name has come from the predecessor. */
  void received(String name, Buffer state) {
    synchronized (this) {
      if (!claims.computeIfAbsent(name, n -> Promise.promise()).tryComplete(state)) {
        // This process serves again after a stand-in: who claims once more gets what that knew.
        Promise<Buffer> again = Promise.promise();
        again.complete(state);
        claims.put(name, again);
      }
    }
  }

  /** No state comes any more, and this process is the owner; tells whether it was not before. */
  boolean take() {
    List<Owner> told;
    List<Promise<Buffer>> unanswered;
    synchronized (this) {
      complete = true;
      unanswered = List.copyOf(claims.values());
      if (owning) {
        return false;
      }
      owning = true;
      told = List.copyOf(owners);
    }
    unanswered.forEach(claim -> claim.tryComplete(null));
    told.forEach(owner -> owner.context().runOnContext(v -> owner.take().run()));
    return true;
  }

  /** This process is not the owner any more; completes, and never fails, when all have let go. */
  Future<Void> release() {
    List<Owner> told;
    synchronized (this) {
      if (!owning) {
        return Future.succeededFuture();
      }
      owning = false;
      told = List.copyOf(owners);
    }
    List<Future<?>> released = new ArrayList<>();
    for (Owner owner : told) {
      released.add(called(owner.context(), owner.release(), "an owner failed to let go"));
    }
    return Future.join(released).mapEmpty();
  }

  /** Asks for all that is offered; what fails is left out. */
  Map<String, Future<Buffer>> state() {
    Map<String, Offer> asked;
    synchronized (this) {
      asked = new LinkedHashMap<>(offers);
    }
    Map<String, Future<Buffer>> state = new LinkedHashMap<>();
    asked.forEach(
        (name, offer) ->
            state.put(
                name, called(offer.context(), offer.state(), "state \"" + name + "\" is lost")));
    return state;
  }

  private static <T> Future<T> called(
      Context context, Supplier<? extends Future<? extends T>> supplier, String otherwise) {
    Promise<T> done = Promise.promise();
    context.runOnContext(
        v -> {
          try {
            supplier.get().onComplete(done::complete, failure -> failed(done, failure, otherwise));
          } catch (RuntimeException | Error e) {
            failed(done, e, otherwise);
          }
        });
    return done.future();
  }

  private static <T> void failed(Promise<T> done, Throwable failure, String message) {
    LOG.log(WARNING, message, failure);
    done.complete(null);
  }
}
