package io.goagain.process;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** Asks on the control socket of a program under test, on a connection for each question. */
final class ControlClient {
  /** What was answered. */
  record Answer(int status, String head, JsonObject body) {
    String code() {
      return body.getString("code");
    }

    String message() {
      return body.getString("message");
    }
  }

  private final UnixDomainSocketAddress address;

  ControlClient(Path socket) {
    address = UnixDomainSocketAddress.of(socket);
  }

  /** Tells the program where its socket is to be, and is the client of that. */
  static ControlClient of(SingleApp.Starter starter) {
    Path socket = starter.directory().resolve("control.sock");
    starter.arguments("--control-socket", socket.toString());
    return new ControlClient(socket);
  }

  Path path() {
    return address.getPath();
  }

  UnixDomainSocketAddress address() {
    return address;
  }

  /** For more than one question, or half of one. */
  Wire wire() throws IOException {
    return Wire.open(address);
  }

  /** A GET that is answered with 200. */
  JsonObject get(String path) throws IOException {
    Answer answer = send(Wire.get(path));
    assertEquals(200, answer.status(), answer::toString);
    return answer.body();
  }

  List<JsonObject> history() throws IOException {
    JsonArray restarts = get("/history").getJsonArray("restarts");
    return restarts.stream().map(JsonObject.class::cast).toList();
  }

  Answer post(String path, String body) throws IOException {
    return send(Wire.post(path, body, false));
  }

  CompletableFuture<Answer> postLater(String path, String body) {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            return post(path, body);
          } catch (IOException e) {
            throw new CompletionException(e);
          }
        });
  }

  Answer send(String request) throws IOException {
    try (Wire wire = wire()) {
      return answer(wire.send(request));
    }
  }

  static Answer answer(Wire wire) throws IOException {
    Wire.Answer answer = wire.answer();
    assertTrue(answer.head().contains("application/json"), answer::toString);
    return new Answer(answer.status(), answer.head(), new JsonObject(answer.body()));
  }

  Events events() throws IOException {
    return new Events(address);
  }

  /** A stream of events, which its peer has begun. */
  static final class Events implements AutoCloseable {
    private final SocketChannel channel;
    private final BufferedReader lines;

    private Events(UnixDomainSocketAddress address) throws IOException {
      channel = SocketChannel.open(address);
      channel.write(UTF_8.encode(Wire.get("/events")));
      lines = new BufferedReader(new InputStreamReader(Channels.newInputStream(channel), UTF_8));
      assertEquals("HTTP/1.1 200 OK", lines.readLine());
      for (String line = ""; !line.startsWith(": "); line = lines.readLine()) {
        assertTrue(!line.startsWith("data: "), line);
      }
    }

    /** Waits for the end of the stream, and returns what came until then. */
    List<JsonObject> untilTheEnd() throws IOException {
      List<JsonObject> events = new ArrayList<>();
      // An event is a chunk of its own, and the last chunk is empty; the connection may live on.
      for (String line = lines.readLine(); !line.equals("0"); line = lines.readLine()) {
        if (line.startsWith("data: ")) {
          events.add(new JsonObject(line.substring("data: ".length())));
        }
      }
      return events;
    }

    @Override
    public void close() throws IOException {
      channel.close();
    }
  }
}
