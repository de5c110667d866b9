package io.goagain.impl;

import static java.lang.System.Logger.Level.ERROR;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.goagain.RestartOptions;
import io.goagain.impl.net.ControlAccess;
import io.goagain.impl.net.HandoverChannel;
import io.goagain.impl.net.InheritedListener;
import io.goagain.impl.net.LineRequest;
import io.goagain.impl.posix.Descriptors;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * How a process that nobody spawned begins: it asks whoever serves on the control socket for the
 * listeners, or, if nobody does, listens there itself.
 */
final class Takeover {

  private static final System.Logger LOG = System.getLogger(Takeover.class.getName());

  /**
   * What it came to.
   *
   * @param inheritance what was taken over, or {@link Inheritance#NONE}
   * @param control the control socket, if nobody listened there
   */
  record Result(Inheritance inheritance, InheritedListener control) {}

  private static final long LOOK_AGAIN_MILLIS = 50;

  private Takeover() {}

  /**
   * Blocks until it is clear which.
   *
   * @throws IOException with a sentence that says why this process can neither take over nor serve
   */
  static Result begin(RestartOptions options, String path, long ownPid) throws IOException {
    ControlAccess access = ControlAccess.of(options.getControlSocketUsers());
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(options.getReadyTimeout());
    for (boolean first = true; ; first = false) {
      OptionalInt own = ControlSocket.listen(options, path);
      if (own.isPresent()) {
        return new Result(Inheritance.NONE, ControlSocket.inherited(path, own.getAsInt()));
      }
      try {
        return new Result(ask(path, access, ownPid, deadline), null);
      } catch (LineRequest.RefusedException e) {
        throw e;
      } catch (IOException e) {
        // Whoever listened is gone; somebody else may be there by now, or nobody.
        if (first) {
          LOG.log(WARNING, "{0}: nobody answered ({1}): looking again", path, e);
        }
        lookAgain(path, deadline, e);
      }
    }
  }

  /** After a moment: what ends every connection at once is not asked as fast as it can. */
  private static void lookAgain(String path, long deadline, IOException failure)
      throws LineRequest.RefusedException {
    if (System.nanoTime() - deadline > 0) {
      throw refused(path, "it ends every connection (" + failure + ")");
    }
    try {
      TimeUnit.MILLISECONDS.sleep(LOOK_AGAIN_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw refused(path, "interrupted");
    }
  }

  private static Inheritance ask(String path, ControlAccess access, long ownPid, long deadline)
      throws IOException {
    int[] sockets = LineRequest.send(path, access, deadline);
    Reception reception = new Reception(path);
    HandoverChannel line =
        HandoverChannel.open(
            sockets[0],
            sockets[1],
            channel -> {
              reception.line = channel;
              return reception;
            });
    line.send(new JsonObject().put("goagain", Handshake.VERSION).put("pid", ownPid));
    try {
      return reception.handed.get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      line.close();
      throw refused(path, "it did not hand its listeners over in time");
    } catch (ExecutionException e) {
      line.close();
      throw (IOException) e.getCause();
    } catch (InterruptedException e) {
      line.close();
      Thread.currentThread().interrupt();
      throw refused(path, "interrupted");
    }
  }

  private static LineRequest.RefusedException refused(String path, String reason) {
    return new LineRequest.RefusedException(
        "Whoever listens on %s cannot be taken over from: %s".formatted(path, reason));
  }

  /** Hears the predecessor until there is a {@link Predecessor} to do that. */
  static final class Reception implements HandoverChannel.Listener {
    private final String path;
    final CompletableFuture<Inheritance> handed = new CompletableFuture<>();
    HandoverChannel line;
    private final List<InheritedListener> listeners = new ArrayList<>();
    private JsonObject hello;

    Reception(String path) {
      this.path = path;
    }

    @Override
    public void received(JsonObject message, int descriptor) {
      String type = message.getString("type", "");
      if (type.equals(Handshake.ABORT)) {
        aborted(message.getString("reason"));
      } else if (hello == null) {
        greeted(message);
      } else if (type.equals(Handshake.LISTENER) && !handed.isDone()) {
        claim(message, descriptor);
        return;
      } else if (type.equals(Handshake.HANDED)) {
        handed.complete(
            Inheritance.taken(
                hello.getInteger("generation") + 1, hello.getInteger("pid"), listeners, line));
      }
      close(descriptor);
    }

    private void greeted(JsonObject message) {
      String objection = Handshake.objection(message);
      if (objection != null) {
        fails(refused(path, objection));
      }
      hello = message;
    }

    private void claim(JsonObject message, int descriptor) {
      try {
        String name = Objects.requireNonNull(message.getString("name"), "a listener has no name");
        boolean foreign = message.getBoolean("foreign", false);
        InheritedListener claimed = InheritedListener.claim(name, descriptor);
        listeners.add(foreign ? claimed.foreign() : claimed);
      } catch (IOException e) {
        LOG.log(WARNING, "a listener is not taken over: {0}", e.getMessage());
        close(descriptor);
      }
    }

    /** Also while the application boots, which nothing else can interrupt. */
    private void aborted(String reason) {
      if (handed.isDone()) {
        LOG.log(ERROR, "given up by the predecessor: {0}", reason);
        new Thread(() -> System.exit(1), "goagain-exit").start();
      } else {
        fails(refused(path, reason));
      }
    }

    private void fails(IOException failure) {
      listeners.forEach(listener -> close(listener.descriptor()));
      listeners.clear();
      handed.completeExceptionally(failure);
    }

    private static void close(int descriptor) {
      try {
        if (descriptor >= 0) {
          Descriptors.close(descriptor);
        }
      } catch (IOException e) {
        LOG.log(WARNING, "could not close a received descriptor", e);
      }
    }

    @Override
    public void closed() {
      if (handed.isDone()) {
        LOG.log(INFO, "the predecessor is gone while this process boots");
      } else {
        fails(new IOException("it ended before it had handed its listeners over"));
      }
    }

    @Override
    public void broken(String reason) {
      if (!handed.isDone()) {
        fails(refused(path, reason));
      }
    }
  }
}
