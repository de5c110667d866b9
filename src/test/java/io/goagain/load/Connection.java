package io.goagain.load;

import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.Inet4Address;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.concurrent.TimeUnit;

/**
 * One client connection over TCP or a Unix socket, used by one thread. After anything is thrown it
 * is good for nothing but {@link #close()}.
 */
final class Connection implements Closeable {
  private final SocketChannel channel;
  private final SelectionKey key;
  private final String name;
  private final ByteBuffer in = ByteBuffer.allocate(16 * 1024);
  private int answers;
  private boolean reusable = true;

  private Connection(SocketChannel channel, SelectionKey key, String name) {
    this.channel = channel;
    this.key = key;
    this.name = name;
  }

  /**
   * Connects.
   *
   * @param selector the calling thread's, for waiting with a limit
   * @param deadline as {@link System#nanoTime()}; connecting to a Unix socket whose backlog is full
   *     waits beyond it, until the thread is interrupted
   */
  static Connection open(SocketAddress address, Selector selector, long deadline) throws Lost {
    SocketChannel channel = null;
    Connection connection = null;
    try {
      boolean unix = address instanceof UnixDomainSocketAddress;
      channel = SocketChannel.open(unix ? StandardProtocolFamily.UNIX : family(address));
      if (unix) {
        // Blocking: the kernel has no pending connects here, a full backlog would be EAGAIN.
        channel.connect(address);
        channel.configureBlocking(false);
      } else {
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        channel.configureBlocking(false);
        channel.connect(address);
      }
      SelectionKey key = channel.register(selector, SelectionKey.OP_CONNECT);
      while (!channel.finishConnect()) {
        if (!await(key, deadline)) {
          throw new Lost(Failure.TIMEOUT, "connecting to " + address);
        }
      }
      connection = new Connection(channel, key, name(channel, address));
      return connection;
    } catch (ConnectException e) {
      throw new Lost(Failure.CONNECT_REFUSED, "connecting to " + address, e);
    } catch (ClosedByInterruptException e) {
      throw new Lost(Failure.TIMEOUT, "connecting to " + address + ", given up", e);
    } catch (IOException e) {
      throw new Lost(connectFailure(e), "connecting to " + address, e);
    } finally {
      if (channel != null && connection == null) {
        close(channel, selector);
      }
    }
  }

  /** The local port, or the address where there is none; for messages. */
  @Override
  public String toString() {
    return name;
  }

  /**
   * Whether the server has closed this connection cleanly, between two requests.
   *
   * @throws Lost if it was reset, or bytes came that nobody asked for
   */
  boolean closedWhileIdle() throws Lost {
    reusable = false;
    in.clear();
    int n;
    try {
      n = channel.read(in);
    } catch (IOException e) {
      throw new Lost(Failure.CLOSED_ON_REUSE, this + ": while idle", e);
    }
    if (n > 0) {
      throw new Lost(Failure.MALFORMED, this + ": " + n + " bytes that nobody asked for");
    }
    reusable = n == 0;
    return n < 0;
  }

  /** Whether another request may be sent here: the last answer was whole, and said no close. */
  boolean reusable() {
    return reusable;
  }

  /**
   * Sends a request and reads the answer, both at once, as a body may be answered while it is sent.
   *
   * @param deadline as {@link System#nanoTime()}
   */
  ResponseParser exchange(ByteBuffer request, long deadline) throws Lost {
    reusable = false;
    ByteBuffer out = request.duplicate();
    ResponseParser answer = new ResponseParser();
    IOException broken = null;
    try {
      while (true) {
        if (out.hasRemaining() && broken == null) {
          try {
            channel.write(out);
          } catch (ClosedByInterruptException e) {
            throw e;
          } catch (IOException e) {
            // What the server said before it closed may still be there to be read.
            broken = e;
          }
        }
        boolean more = out.hasRemaining() && broken == null;
        key.interestOps(SelectionKey.OP_READ | (more ? SelectionKey.OP_WRITE : 0));
        if (!await(key, deadline)) {
          throw lost(Failure.TIMEOUT, answer, out);
        }
        in.clear();
        int n = channel.read(in);
        if (n < 0 ? answer.end() : answer.feed(in.flip())) {
          if (in.hasRemaining() && n > 0) {
            throw lost(Failure.MALFORMED, answer, out);
          }
          answers++;
          reusable = !answer.close() && !out.hasRemaining();
          return answer;
        }
        if (n < 0) {
          throw broken(answer, out, broken, Failure.CLOSED_EARLY);
        }
      }
    } catch (ClosedByInterruptException e) {
      throw new Lost(Failure.TIMEOUT, this + ": given up", e);
    } catch (IOException e) {
      throw broken(answer, out, broken == null ? e : broken, Failure.RESET);
    }
  }

  @Override
  public void close() {
    close(channel, key.selector());
  }

  private Lost broken(ResponseParser answer, ByteBuffer out, IOException e, Failure otherwise) {
    Failure failure = otherwise;
    if (!answer.started() && answers > 0) {
      failure = Failure.CLOSED_ON_REUSE;
    } else if (!answer.started() && e != null) {
      failure = Failure.CONNECT_RESET;
    }
    return e == null
        ? lost(failure, answer, out)
        : new Lost(failure, lost(failure, answer, out).getMessage(), e);
  }

  private Lost lost(Failure failure, ResponseParser answer, ByteBuffer out) {
    return new Lost(
        failure,
        String.format(
            "%s: request %d, %d of %d bytes sent, %s",
            this, answers + 1, out.position(), out.limit(), answer.progress()));
  }

  private static boolean await(SelectionKey key, long deadline) throws IOException {
    long millis = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
    if (millis <= 0) {
      return false;
    }
    // Zero keys is no timeout yet: the caller tries, and comes back.
    key.selector().select(ready -> {}, millis);
    return true;
  }

  private static StandardProtocolFamily family(SocketAddress address) {
    boolean four =
        address instanceof InetSocketAddress inet && inet.getAddress() instanceof Inet4Address;
    return four ? StandardProtocolFamily.INET : StandardProtocolFamily.INET6;
  }

  private static String name(SocketChannel channel, SocketAddress address) throws IOException {
    return channel.getLocalAddress() instanceof InetSocketAddress local
        ? "port " + local.getPort()
        : "unix " + address;
  }

  private static Failure connectFailure(IOException e) {
    String message = String.valueOf(e.getMessage());
    if (message.contains("No such file") || message.contains("refused")) {
      return Failure.CONNECT_REFUSED;
    }
    return message.contains("reset") ? Failure.CONNECT_RESET : Failure.CONNECT_FAILED;
  }

  private static void close(SocketChannel channel, Selector selector) {
    try {
      channel.close();
      // A registered channel keeps its descriptor until its selector has seen that it is closed.
      selector.selectNow();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
