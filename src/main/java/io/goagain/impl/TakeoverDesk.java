package io.goagain.impl;

import static java.lang.System.Logger.Level.WARNING;

import io.goagain.impl.net.HandoverChannel;
import io.goagain.impl.net.LineRequest;
import io.goagain.impl.net.SocketStates;
import io.goagain.impl.posix.Descriptors;
import io.goagain.impl.posix.PeerCredentials;
import io.goagain.impl.posix.PosixException;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * Turns two upgraded connections of the control socket into a line, and waits for the hello on it:
 * until then nothing has happened but that somebody has connected. On the restarter's context.
 */
final class TakeoverDesk {

  private static final System.Logger LOG = System.getLogger(TakeoverDesk.class.getName());

  private static final long PATIENCE_MILLIS = 5_000;
  private static final int PLACES = 16;

  private final Vertx vertx;
  private final Context context;
  private final Restarter restarter;
  private final Map<String, Future<Integer>> messages = new HashMap<>();

  /** Lines that are being made: they have left the connections that the server counts. */
  private int places = PLACES;

  TakeoverDesk(Vertx vertx, Restarter restarter) {
    this.vertx = vertx;
    this.context = vertx.getOrCreateContext();
    this.restarter = restarter;
  }

  /** Whether the request is one that can be met. */
  static boolean isAsked(HttpServerRequest request) {
    String connection = request.getHeader("Connection");
    return LineRequest.PROTOCOL.equalsIgnoreCase(request.getHeader("Upgrade"))
        && connection != null
        && connection.toLowerCase(Locale.ROOT).contains("upgrade")
        && request.getParam("token") != null
        && ("messages".equals(request.getParam("half"))
            || "descriptors".equals(request.getParam("half")));
  }

  boolean isFull() {
    return places == 0;
  }

  void upgrade(HttpServerRequest request) {
    String token = request.getParam("token");
    if (request.getParam("half").equals("messages")) {
      if (messages.containsKey(token)) {
        request.connection().close();
        return;
      }
      places--;
      messages.put(token, detached(request));
      vertx.setTimer(
          PATIENCE_MILLIS,
          id -> {
            Future<Integer> unused = messages.remove(token);
            if (unused != null) {
              places++;
              unused.onSuccess(TakeoverDesk::close);
            }
          });
      return;
    }
    Future<Integer> first = messages.remove(token);
    if (first == null) {
      detached(request).onSuccess(TakeoverDesk::close);
      return;
    }
    // The other half is this object's alone before this one is answered: nothing of what follows
    // the answer can be lost.
    first.onComplete(
        one ->
            detached(request)
                .onSuccess(two -> awaitHello(one, two))
                .onFailure(
                    failure -> {
                      places++;
                      close(one);
                    }),
        failure -> {
          places++;
          request.connection().close();
        });
  }

  private Future<Integer> detached(HttpServerRequest request) {
    Future<Integer> detached = request.toNetSocket().compose(SocketStates::detach);
    return detached.onFailure(
        failure -> {
          LOG.log(WARNING, "a takeover was not begun: {0}", failure.toString());
          request.connection().close();
        });
  }

  private static void close(int descriptor) {
    try {
      Descriptors.close(descriptor);
    } catch (IOException e) {
      LOG.log(WARNING, "could not close a connection of a takeover", e);
    }
  }

  private void awaitHello(int messagesDescriptor, int descriptorsDescriptor) {
    int pid = pidOf(messagesDescriptor);
    Greeting greeting = new Greeting(pid);
    HandoverChannel.open(
        messagesDescriptor,
        descriptorsDescriptor,
        line -> {
          greeting.line = line;
          return greeting;
        });
    vertx.setTimer(PATIENCE_MILLIS, id -> greeting.tooLate());
  }

  private static int pidOf(int descriptor) {
    try {
      return PeerCredentials.of(descriptor).pid();
    } catch (PosixException e) {
      return 0;
    }
  }

  /** Called on the channel's thread, but for {@link #tooLate}. */
  private final class Greeting implements HandoverChannel.Listener {
    private final int pid;
    private HandoverChannel line;
    private boolean over;

    Greeting(int pid) {
      this.pid = pid;
    }

    private synchronized boolean isFirst() {
      boolean first = !over;
      over = true;
      if (first) {
        context.runOnContext(v -> places++);
      }
      return first;
    }

    void tooLate() {
      if (isFirst()) {
        line.close();
      }
    }

    @Override
    public void received(JsonObject message, int descriptor) {
      if (descriptor >= 0) {
        close(descriptor);
      }
      if (!isFirst()) {
        return;
      }
      String objection = Handshake.objection(message);
      if (objection != null) {
        line.send(Handshake.abort(objection, false));
        line.close();
        return;
      }
      // Its own namespace may have other numbers; 0 where it cannot be seen from here.
      int said = message.getValue("pid") instanceof Integer number ? number : 0;
      int shown = pid > 0 ? pid : said;
      context.runOnContext(v -> restarter.takeOver(line, shown));
    }

    @Override
    public void closed() {
      isFirst();
    }

    @Override
    public void broken(String reason) {
      if (isFirst()) {
        LOG.log(WARNING, "process {0} asked to take over: {1}", Integer.toString(pid), reason);
      }
    }
  }
}
