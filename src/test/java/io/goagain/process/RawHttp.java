package io.goagain.process;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One client connection on which bytes are sent as the test wants them, and answers read. It never
 * connects again and never sends anything twice. Calls block until they are done or their thread is
 * interrupted.
 */
final class RawHttp implements Closeable {
  private static final Pattern HELLO = Pattern.compile("hello generation=(\\d+) pid=(\\d+)\n");

  private final SocketChannel channel;
  private final String name;
  private final ByteBuffer in = ByteBuffer.allocate(16 * 1024).flip();

  private RawHttp(SocketChannel channel) throws IOException {
    this.channel = channel;
    this.name =
        channel.getLocalAddress() instanceof InetSocketAddress inet
            ? "port " + inet.getPort()
            : channel.getRemoteAddress().toString();
  }

  /** An HTTP/1.x answer. */
  record Answer(int status, boolean close, byte[] body) {
    String text() {
      return new String(body, UTF_8);
    }

    /** The pid in a hello. */
    long pid() throws IOException {
      return Long.parseLong(hello().group(2));
    }

    /** The generation in a hello. */
    int generation() throws IOException {
      return Integer.parseInt(hello().group(1));
    }

    private Matcher hello() throws IOException {
      Matcher matcher = HELLO.matcher(text());
      if (status != 200 || !matcher.matches()) {
        throw new IOException("no hello: " + status + " \"" + text() + "\"");
      }
      return matcher;
    }
  }

  static RawHttp connect(SocketAddress address) throws IOException {
    boolean unix = address instanceof UnixDomainSocketAddress;
    SocketChannel channel =
        unix ? SocketChannel.open(StandardProtocolFamily.UNIX) : SocketChannel.open();
    try {
      channel.connect(address);
      if (!unix) {
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
      }
      return new RawHttp(channel);
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  /** The local port, or what there is in its place. */
  @Override
  public String toString() {
    return name;
  }

  RawHttp send(String text) throws IOException {
    return send(text.getBytes(ISO_8859_1));
  }

  RawHttp send(byte[] bytes) throws IOException {
    return send(bytes, 0, bytes.length);
  }

  RawHttp send(byte[] bytes, int from, int to) throws IOException {
    ByteBuffer out = ByteBuffer.wrap(bytes, from, to - from);
    while (out.hasRemaining()) {
      channel.write(out);
    }
    return this;
  }

  /** Sends a GET and reads the answer. */
  Answer get(String path) throws IOException {
    return send(request(path)).answer();
  }

  /** Sends a GET of /, and returns the process that answered. */
  long pid() throws IOException {
    return get("/").pid();
  }

  static String request(String path) {
    return "GET " + path + " HTTP/1.1\r\nHost: goagain\r\n\r\n";
  }

  static byte[] echo(byte[] body) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    String head = "POST /echo HTTP/1.1\r\nHost: goagain\r\nContent-Length: ";
    bytes.writeBytes((head + body.length + "\r\n\r\n").getBytes(ISO_8859_1));
    bytes.writeBytes(body);
    return bytes.toByteArray();
  }

  /** Reads one answer; interim ones are skipped. */
  Answer answer() throws IOException {
    while (true) {
      String statusLine = line();
      if (!statusLine.matches("HTTP/1\\.[01] \\d{3} .*")) {
        throw new IOException(name + ": no HTTP/1.x answer: \"" + statusLine + "\"");
      }
      int status = Integer.parseInt(statusLine.substring(9, 12));
      long length = -1;
      boolean close = false;
      for (String header = line(); !header.isEmpty(); header = line()) {
        String lower = header.toLowerCase(Locale.ROOT);
        if (lower.startsWith("content-length:")) {
          length = Long.parseLong(lower.substring(15).strip());
        } else if (lower.startsWith("transfer-encoding:")) {
          throw new IOException(name + ": not expected here: " + header);
        }
        close |= lower.matches("connection:\\s*close");
      }
      if (status >= 200) {
        return new Answer(status, close, length < 0 ? new byte[0] : read((int) length));
      }
    }
  }

  /** Reads a line; its end, with or without a carriage return, is left out. */
  String line() throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    for (byte b = read(); b != '\n'; b = read()) {
      line.write(b);
    }
    String text = line.toString(UTF_8);
    return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
  }

  byte[] read(int count) throws IOException {
    byte[] bytes = new byte[count];
    for (int i = 0; i < count; i++) {
      bytes[i] = read();
    }
    return bytes;
  }

  private byte read() throws IOException {
    if (!in.hasRemaining()) {
      fill();
    }
    return in.get();
  }

  private void fill() throws IOException {
    in.clear();
    int n = channel.read(in);
    in.flip();
    if (n < 0) {
      throw new EOFException(name + ": closed by the server");
    }
  }

  /** Waits until the server has closed the connection cleanly, with nothing left to read. */
  void awaitEnd() throws IOException {
    if (!in.hasRemaining()) {
      try {
        fill();
      } catch (EOFException e) {
        return;
      }
    }
    throw new IOException(name + ": bytes after the last answer: " + in.remaining());
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
