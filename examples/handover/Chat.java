package io.goagain.examples.handover;

import io.goagain.Generation;
import io.goagain.NetSocketHandover;
import io.vertx.core.Handler;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.NetSocket;
import java.nio.charset.StandardCharsets;
import java.util.IdentityHashMap;
import java.util.Map;

/**
 * A line protocol with state for each connection: the n-th line {@code text} is answered by {@code
 * n text generation}. Connections go on in the next generation where they were, also in the middle
 * of a line.
 */
final class Chat implements Handler<NetSocket>, NetSocketHandover {

  /** One connection's. */
  private static final class Session {
    private int lines;
    private Buffer unfinished = Buffer.buffer();
  }

  private final Map<NetSocket, Session> sessions = new IdentityHashMap<>();

  @Override
  public void handle(NetSocket socket) {
    begin(socket, new Session());
  }

  @Override
  public void adopt(NetSocket socket, Buffer state) {
    JsonObject json = state.toJsonObject();
    Session session = new Session();
    session.lines = json.getInteger("lines");
    session.unfinished = Buffer.buffer(json.getBinary("unfinished"));
    begin(socket, session);
  }

  @Override
  public Buffer release(NetSocket socket) {
    Session session = sessions.get(socket);
    return new JsonObject()
        .put("lines", session.lines)
        .put("unfinished", session.unfinished.getBytes())
        .toBuffer();
  }

  private void begin(NetSocket socket, Session session) {
    sessions.put(socket, session);
    socket.closeHandler(v -> sessions.remove(socket));
    socket.handler(bytes -> received(socket, session, bytes));
  }

  private static void received(NetSocket socket, Session session, Buffer bytes) {
    for (int i = 0; i < bytes.length(); i++) {
      if (bytes.getByte(i) == '\n') {
        String text = session.unfinished.toString(StandardCharsets.UTF_8);
        session.unfinished = Buffer.buffer();
        session.lines++;
        socket.write("%d %s %d\n".formatted(session.lines, text, Generation.current().number()));
      } else {
        session.unfinished.appendByte(bytes.getByte(i));
      }
    }
  }
}
