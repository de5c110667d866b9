package io.goagain.benchmark;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Selector;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/** Clients of one kind, which share a schedule: whoever is free takes what is due next. */
final class Lane {
  private final boolean keepsAlive;
  private final double interval;
  private final Recording recording;
  private final List<Slot> slots = new ArrayList<>();
  private final ArrayDeque<Slot> free;
  private long startedAt;
  private long sent;

  /**
   * Clients that have no connection yet.
   *
   * @param keepsAlive whether a connection takes more than one request
   * @param recording for what becomes of them
   */
  Lane(boolean keepsAlive, int clients, double perSecond, Recording recording) {
    this.keepsAlive = keepsAlive;
    this.interval = 1e9 / perSecond;
    this.recording = recording;
    this.free = new ArrayDeque<>(clients + 1);
    String close = keepsAlive ? "" : "Connection: close\r\n";
    byte[] request = ("GET / HTTP/1.1\r\nHost: benchmark\r\n" + close + "\r\n").getBytes(US_ASCII);
    for (int i = 0; i < clients; i++) {
      Slot slot = new Slot(this, ByteBuffer.allocateDirect(request.length).put(request));
      slots.add(slot);
      free.add(slot);
    }
  }

  boolean keepsAlive() {
    return keepsAlive;
  }

  Recording recording() {
    return recording;
  }

  void start(long at) {
    startedAt = at;
  }

  /** When the next request that was not sent yet is due. */
  long nextDue() {
    return startedAt + Math.round(sent * interval);
  }

  /** Sends what is due by now, as far as there are clients. */
  void sendDue(long now, SocketAddress address, Selector selector) {
    // By a count: a client that is refused at once is free again.
    for (int i = slots.size(); i > 0 && nextDue() - now <= 0 && !free.isEmpty(); i--) {
      long due = nextDue();
      sent++;
      free.poll().send(due, address, selector);
    }
  }

  void free(Slot slot) {
    free.add(slot);
  }

  boolean allFree() {
    return free.size() == slots.size();
  }

  /** Ends the requests that were due before some time. */
  void timeOut(long before) {
    for (Slot slot : slots) {
      if (slot.waitsSince(before)) {
        slot.timeOut();
      }
    }
  }

  void close() {
    slots.forEach(Slot::close);
  }
}
