package io.goagain.benchmark;

import java.io.IOException;
import java.net.ConnectException;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;

/** A client that has at most one connection and one request at a time. For one thread. */
final class Slot {
  private final Lane lane;
  private final ByteBuffer request;
  private final ByteBuffer in = ByteBuffer.allocateDirect(4096);
  private SocketChannel channel;
  private SelectionKey key;
  private boolean connectedBefore;
  private boolean busy;
  private long due;

  Slot(Lane lane, ByteBuffer request) {
    this.lane = lane;
    this.request = request;
  }

  /** Whether it waits for an answer, and the request was due before some time. */
  boolean waitsSince(long time) {
    return busy && due - time < 0;
  }

  /** Sends a request, on a new connection if there is none. */
  void send(long due, SocketAddress address, Selector selector) {
    this.due = due;
    busy = true;
    in.clear();
    request.clear();
    try {
      if (channel == null) {
        if (connectedBefore && lane.keepsAlive()) {
          lane.recording().addReconnect();
        }
        connectedBefore = true;
        channel = SocketChannel.open();
        channel.configureBlocking(false);
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        boolean connected = channel.connect(address);
        key =
            channel.register(
                selector, connected ? SelectionKey.OP_READ : SelectionKey.OP_CONNECT, this);
        if (!connected) {
          return;
        }
      }
      write();
    } catch (IOException e) {
      end(e instanceof ConnectException ? Outcome.REFUSED : Outcome.RESET);
    }
  }

  /** To be called when the connection is connected or can be read. */
  void ready() {
    boolean connecting = false;
    try {
      if (channel.isConnectionPending()) {
        connecting = true;
        channel.finishConnect();
        key.interestOps(SelectionKey.OP_READ);
        write();
      } else {
        read();
      }
    } catch (IOException e) {
      lost(connecting ? Outcome.REFUSED : Outcome.RESET);
    }
  }

  void timeOut() {
    end(Outcome.TIMED_OUT);
  }

  void close() {
    if (channel != null) {
      try {
        channel.close();
      } catch (IOException e) {
        throw new IllegalStateException(e);
      } finally {
        channel = null;
      }
    }
  }

  private void write() throws IOException {
    // So little always fits: the connection has nothing else to send.
    while (request.hasRemaining()) {
      channel.write(request);
    }
  }

  private void read() throws IOException {
    int read = channel.read(in);
    if (read < 0) {
      lost(Outcome.CLOSED);
    } else if (!busy) {
      // Nobody asked.
      close();
    } else if (Answer.isWhole(in)) {
      end(Answer.status(in) == 200 ? Outcome.ANSWERED : Outcome.NOT_200);
    }
  }

  private void lost(Outcome outcome) {
    if (busy) {
      end(outcome);
    } else {
      close();
    }
  }

  private void end(Outcome outcome) {
    lane.recording().add(due, System.nanoTime(), outcome);
    busy = false;
    if (outcome != Outcome.ANSWERED || !lane.keepsAlive() || Answer.closes(in)) {
      close();
    }
    lane.free(this);
  }
}
