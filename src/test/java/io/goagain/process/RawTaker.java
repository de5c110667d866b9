package io.goagain.process;

import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import io.goagain.impl.net.ControlAccess;
import io.goagain.impl.net.HandoverChannel;
import io.goagain.impl.net.LineRequest;
import io.goagain.impl.posix.Descriptors;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Asks to take over, from within the test, and goes no further than it is told. */
final class RawTaker implements AutoCloseable {
  private static final JsonObject END = new JsonObject().put("type", "end");

  private final BlockingQueue<JsonObject> messages = new LinkedBlockingQueue<>();
  private final Queue<Integer> descriptors = new ConcurrentLinkedQueue<>();
  private final HandoverChannel line;

  private RawTaker(int[] sockets) {
    line = HandoverChannel.open(sockets[0], sockets[1], unused -> new Received());
  }

  /** With a line on which nothing has been said. */
  static RawTaker connect(Path socket) throws IOException {
    long deadline = System.nanoTime() + AppProcess.LIMIT.toNanos();
    return new RawTaker(LineRequest.send(socket.toString(), ControlAccess.of(List.of()), deadline));
  }

  /** The request for one half of a line: "messages" comes before "descriptors". */
  static String half(String half, String token) {
    return """
        GET /takeover?half=%s&token=%s HTTP/1.1
        Host: goagain
        Connection: Upgrade
        Upgrade: goagain

        """
        .formatted(half, token)
        .replace("\n", "\r\n");
  }

  RawTaker say(JsonObject message) {
    line.send(message);
    return this;
  }

  RawTaker hello() {
    return say(new JsonObject().put("goagain", 1).put("pid", ProcessHandle.current().pid()));
  }

  RawTaker ready(String... listeners) {
    return say(
        new JsonObject().put("type", "ready").put("listeners", new JsonArray(List.of(listeners))));
  }

  RawTaker accepting() {
    return say(new JsonObject().put("type", "accepting"));
  }

  /** The next message, with what came before left out, that is of this type. */
  JsonObject await(String type) throws InterruptedException {
    while (true) {
      JsonObject message = messages.poll(AppProcess.LIMIT.toSeconds(), TimeUnit.SECONDS);
      assertNotNull(message, "waited for " + type);
      if (type.equals(message.getString("type"))) {
        return message;
      }
      assertNotEquals(END, message, "the line ended before " + type);
    }
  }

  RawTaker awaitHanded() throws InterruptedException {
    await("handed");
    return this;
  }

  void awaitEnd() throws InterruptedException {
    await("end");
  }

  /** As the kernel does for a process that dies. */
  @Override
  public void close() throws IOException {
    line.close();
    for (Integer left = descriptors.poll(); left != null; left = descriptors.poll()) {
      Descriptors.close(left);
    }
  }

  private final class Received implements HandoverChannel.Listener {
    @Override
    public void received(JsonObject message, int descriptor) {
      if (descriptor >= 0) {
        descriptors.add(descriptor);
      }
      messages.add(message);
    }

    @Override
    public void closed() {
      messages.add(END);
    }

    @Override
    public void broken(String reason) {
      messages.add(END);
    }
  }
}
