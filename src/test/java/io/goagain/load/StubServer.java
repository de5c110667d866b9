package io.goagain.load;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;

/** A server that does to its clients what a test wants done, one thread a connection. */
final class StubServer implements AutoCloseable {
  /** What to do about one request, which has been read. */
  interface Behaviour {
    /** Returns whether to wait for another request, instead of closing the connection. */
    boolean serve(Peer peer) throws IOException, InterruptedException;
  }

  private final ServerSocketChannel server;
  private final Behaviour behaviour;
  private final Set<SocketChannel> open = ConcurrentHashMap.newKeySet();
  private final AtomicInteger accepted = new AtomicInteger();

  private final Thread acceptor;

  private StubServer(ServerSocketChannel server, Behaviour behaviour) {
    this.server = server;
    this.behaviour = behaviour;
    this.acceptor = start(this::accept);
  }

  static StubServer tcp(Behaviour behaviour) throws IOException {
    ServerSocketChannel server = ServerSocketChannel.open();
    server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    return new StubServer(server, behaviour);
  }

  static StubServer unix(Path path, Behaviour behaviour) throws IOException {
    ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(path));
    return new StubServer(server, behaviour);
  }

  SocketAddress address() throws IOException {
    return server.getLocalAddress();
  }

  int accepted() {
    return accepted.get();
  }

  @Override
  public void close() throws IOException {
    server.close();
    try {
      // The kernel's socket lives, and takes connections, until this thread has left accept().
      acceptor.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    for (SocketChannel channel : open) {
      channel.close();
    }
  }

  private void accept() {
    try {
      while (true) {
        SocketChannel channel = server.accept();
        if (channel.supportedOptions().contains(StandardSocketOptions.TCP_NODELAY)) {
          channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        }
        open.add(channel);
        accepted.incrementAndGet();
        start(() -> serve(channel));
      }
    } catch (IOException e) {
      // Closed: the test has ended.
      open.removeIf(channel -> !channel.isOpen());
    }
  }

  private void serve(SocketChannel channel) {
    try (channel) {
      Peer peer = new Peer(channel);
      boolean more = true;
      while (more) {
        more = peer.read() && behaviour.serve(peer);
      }
    } catch (IOException e) {
      // The client has gone.
      return;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      open.remove(channel);
    }
  }

  private static Thread start(Runnable run) {
    Thread thread = new Thread(run, "stub");
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  /** The client's end, as the server sees it. */
  static final class Peer {
    private final SocketChannel channel;
    private final InputStream in;
    private String path = "";
    private byte[] body = {};

    private Peer(SocketChannel channel) {
      this.channel = channel;
      this.in = new BufferedInputStream(Channels.newInputStream(channel));
    }

    /** The path of the request. */
    String path() {
      return path;
    }

    /** Sends some text, and returns true. */
    boolean send(String text) throws IOException {
      return send(text.getBytes(ISO_8859_1));
    }

    /** Answers with what becomes of the request's body. */
    boolean echo(UnaryOperator<byte[]> change) throws IOException {
      byte[] changed = change.apply(body);
      send("HTTP/1.1 200 OK\r\nContent-Length: " + changed.length + "\r\n\r\n");
      return send(changed);
    }

    /** Resets the connection, and returns false. */
    boolean reset() throws IOException {
      channel.setOption(StandardSocketOptions.SO_LINGER, 0);
      channel.close();
      return false;
    }

    /** Waits until the client closes, and returns false. */
    boolean awaitEnd() throws IOException {
      return in.read() >= 0;
    }

    private boolean send(byte[] bytes) throws IOException {
      ByteBuffer out = ByteBuffer.wrap(bytes);
      while (out.hasRemaining()) {
        channel.write(out);
      }
      return true;
    }

    /** Reads a request, and returns false at the end of the stream. */
    private boolean read() throws IOException {
      String request = line();
      if (request.isEmpty()) {
        return false;
      }
      path = request.split(" ", -1)[1];
      int length = 0;
      boolean chunked = false;
      for (String header = line(); !header.isEmpty(); header = line()) {
        String lower = header.toLowerCase(Locale.ROOT);
        chunked |= lower.equals("transfer-encoding: chunked");
        if (lower.startsWith("content-length: ")) {
          length = Integer.parseInt(lower.substring("content-length: ".length()));
        }
      }
      body = chunked ? chunks() : exactly(length);
      return true;
    }

    private byte[] chunks() throws IOException {
      ByteArrayOutputStream chunks = new ByteArrayOutputStream();
      while (true) {
        byte[] chunk = exactly(Integer.parseInt(line(), 16));
        chunks.writeBytes(chunk);
        if (!line().isEmpty()) {
          throw new IOException("chunk longer than its size");
        }
        if (chunk.length == 0) {
          return chunks.toByteArray();
        }
      }
    }

    private byte[] exactly(int length) throws IOException {
      byte[] bytes = in.readNBytes(length);
      if (bytes.length < length) {
        throw new EOFException();
      }
      return bytes;
    }

    private String line() throws IOException {
      StringBuilder line = new StringBuilder();
      for (int b = in.read(); b >= 0 && b != '\n'; b = in.read()) {
        line.append((char) b);
      }
      return line.toString().strip();
    }
  }
}
