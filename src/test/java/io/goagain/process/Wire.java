package io.goagain.process;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.EOFException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.SocketAddress;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One connection of a client that sends and reads when the test says so. Blocks; interruptible. */
final class Wire implements AutoCloseable {
  private static final Pattern LENGTH = Pattern.compile("(?i)\ncontent-length: *(\\d+)\r\n");

  /** A whole HTTP/1.1 answer. */
  record Answer(int status, String head, String body) {
    boolean closes() {
      return head.toLowerCase(Locale.ROOT).contains("\nconnection: close\r\n");
    }
  }

  private final SocketChannel channel;
  private final StringBuilder unread = new StringBuilder();

  private Wire(SocketChannel channel) {
    this.channel = channel;
  }

  static Wire open(SocketAddress address) throws IOException {
    return new Wire(SocketChannel.open(address));
  }

  /** A request that the server has begun and cannot end before {@link #finish}. */
  static Wire held(SocketAddress address) throws IOException {
    Wire wire = open(address);
    // An answer on this connection proves that the process that serves now has accepted it.
    assertEquals(200, wire.send(get("/")).answer().status());
    return wire.send("POST /echo HTTP/1.1\r\nHost: goagain\r\nContent-Length: 8\r\n\r\nhalf");
  }

  /** Sends the rest of a held request, and closes if the answer says that the server does. */
  Answer finish() throws IOException {
    Answer answer = send("done").answer();
    assertEquals("halfdone", answer.body(), answer::toString);
    if (answer.closes()) {
      awaitEnd();
      close();
    }
    return answer;
  }

  static String get(String path) {
    return "GET " + path + " HTTP/1.1\r\nHost: goagain\r\n\r\n";
  }

  static String post(String path, String body, boolean close) {
    return "POST %s HTTP/1.1\r\nHost: goagain\r\n%sContent-Length: %d\r\n\r\n%s"
        .formatted(path, close ? "Connection: close\r\n" : "", body.getBytes(UTF_8).length, body);
  }

  /** The body of one GET on a connection of its own. */
  static String fetch(SocketAddress address, String path) throws IOException {
    try (Wire wire = open(address)) {
      return wire.send(get(path)).answer().body();
    }
  }

  /** Whether nobody listens there. */
  static boolean refused(SocketAddress address) throws IOException {
    try (Wire wire = open(address)) {
      return false;
    } catch (ConnectException e) {
      return true;
    } catch (SocketException e) {
      // Reset: the listener was closed, for good, while this connection was in its queue.
      return false;
    }
  }

  Wire send(String text) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(UTF_8));
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
    return this;
  }

  Answer answer() throws IOException {
    String head;
    for (int end; ; read()) {
      end = unread.indexOf("\r\n\r\n");
      if (end >= 0) {
        head = take(end + 4);
        break;
      }
    }
    Matcher length = LENGTH.matcher(head);
    String body = length.find() ? text(Integer.parseInt(length.group(1))) : "";
    return new Answer(Integer.parseInt(head.split(" ", -1)[1]), head, body);
  }

  /** Reads so many bytes. */
  String text(int length) throws IOException {
    while (unread.length() < length) {
      read();
    }
    return take(length);
  }

  /** Waits for the peer's end of the stream, or a reset; bytes before it are an error. */
  void awaitEnd() throws IOException {
    try {
      read();
    } catch (EOFException | SocketException e) {
      return;
    }
    throw new AssertionError("no end, but " + unread);
  }

  private String take(int length) {
    String taken = unread.substring(0, length);
    unread.delete(0, length);
    return taken;
  }

  private void read() throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(64 * 1024);
    if (channel.read(bytes) < 0) {
      throw new EOFException("the server closed after \"" + unread + "\"");
    }
    unread.append(ISO_8859_1.decode(bytes.flip()));
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
