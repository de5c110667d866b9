package io.goagain.impl;

import static java.lang.System.Logger.Level.WARNING;

import io.goagain.impl.posix.Descriptors;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The application's state on its way: a memory file for each name, memfd_create(2). */
final class StateTransfer {

  private static final System.Logger LOG = System.getLogger(StateTransfer.class.getName());

  private static final int PIECE = 1 << 20;

  private StateTransfer() {}

  /**
   * Lets go of ownership, sends all that is offered, then says that the successor is the owner.
   * What takes longer than the limit is left out. The future never fails.
   */
  static Future<Void> send(
      Vertx vertx, HandoverRegistry registry, Successor successor, long limitMillis) {
    return release(vertx, registry, limitMillis)
        .compose(
            released -> {
              List<Future<?>> sent = new ArrayList<>();
              for (Map.Entry<String, Future<Buffer>> offer : registry.state().entrySet()) {
                String name = offer.getKey();
                sent.add(
                    limited(
                            vertx,
                            offer.getValue(),
                            limitMillis,
                            "state \"" + name + "\" did not come")
                        .compose(state -> send(vertx, name, state, successor))
                        .otherwise(failure -> lost(name, failure)));
              }
              return Future.join(sent);
            })
        .onComplete(all -> successor.send(Handshake.message(Handshake.OWN)))
        .mapEmpty();
  }

  /** Lets go of ownership, within the limit. The future never fails. */
  static Future<Void> release(Vertx vertx, HandoverRegistry registry, long limitMillis) {
    return limited(vertx, registry.release(), limitMillis, "ownership was not let go");
  }

  private static <T> Future<T> limited(
      Vertx vertx, Future<T> future, long limitMillis, String otherwise) {
    Promise<T> first = Promise.promise();
    long timer =
        vertx.setTimer(
            Math.max(1, limitMillis),
            id -> {
              if (first.tryComplete(null)) {
                LOG.log(WARNING, "{0} within {1} ms", otherwise, Long.toString(limitMillis));
              }
            });
    future.onComplete(
        result -> {
          vertx.cancelTimer(timer);
          first.tryComplete(result.result());
        });
    return first.future();
  }

  private static Void lost(String name, Throwable failure) {
    LOG.log(WARNING, "state \"" + name + "\" is lost", failure);
    return null;
  }

  private static Future<Void> send(Vertx vertx, String name, Buffer state, Successor successor) {
    if (state == null) {
      return Future.succeededFuture();
    }
    return vertx.executeBlocking(
        () -> {
          int memory = Descriptors.memoryFile("goagain-state");
          try {
            write(memory, state);
          } catch (IOException e) {
            Descriptors.close(memory);
            throw e;
          }
          successor.send(
              Handshake.message(Handshake.STATE).put("name", name).put("length", state.length()),
              memory);
          return null;
        },
        false);
  }

  private static void write(int memory, Buffer state) throws IOException {
    try (FileChannel file = open(memory, StandardOpenOption.WRITE)) {
      for (int at = 0; at < state.length(); at += PIECE) {
        ByteBuffer bytes =
            ByteBuffer.wrap(state.getBytes(at, Math.min(state.length(), at + PIECE)));
        while (bytes.hasRemaining()) {
          file.write(bytes);
        }
      }
    }
  }

  /** Reads what {@link #send} wrote and closes the descriptor; blocks. */
  static Buffer read(int memory, JsonObject message) throws IOException {
    try (FileChannel file = open(memory, StandardOpenOption.READ)) {
      int length = message.getInteger("length");
      if (length < 0 || length > file.size()) { // before memory is set aside for it
        throw new EOFException(length + " bytes of state in a file of " + file.size());
      }
      Buffer state = Buffer.buffer(length);
      // In pieces: a heap that holds the state once need not hold it twice.
      ByteBuffer piece = ByteBuffer.allocate(Math.min(length, PIECE));
      while (state.length() < length) {
        piece.clear().limit(Math.min(piece.capacity(), length - state.length()));
        int read = file.read(piece);
        if (read < 0) {
          throw new EOFException("state ends after " + state.length() + " bytes");
        }
        state.appendBytes(piece.array(), 0, read);
      }
      return state;
    } finally {
      Descriptors.close(memory);
    }
  }

  /** The JDK cannot wrap a descriptor, but procfs gives it a path. */
  private static FileChannel open(int memory, StandardOpenOption how) throws IOException {
    return FileChannel.open(Path.of("/proc/self/fd/" + memory), how);
  }
}
