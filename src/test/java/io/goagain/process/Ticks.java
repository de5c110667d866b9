package io.goagain.process;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.net.SocketAddress;

/** What the clock of the example "handover" says: how far it has gone, and in which generation. */
record Ticks(long count, int generation) {

  /** Of whichever process accepts now. */
  static Ticks at(SocketAddress address) {
    try (RawHttp wire = RawHttp.connect(address)) {
      return parsed(wire.get("/ticks"));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** A connection that cannot move before it is asked for the {@link #rest}. */
  static RawHttp half(SocketAddress address) throws IOException {
    RawHttp wire = RawHttp.connect(address);
    // So that the first half cannot wait in the kernel until the connection has moved.
    assertEquals(200, wire.get("/ticks").status());
    return wire.send("GET /ticks HTTP/1.1\r\nHost: ");
  }

  /** The second half of the request, and its answer. */
  static Ticks rest(RawHttp wire) throws IOException {
    return parsed(wire.send("goagain\r\n\r\n").answer());
  }

  private static Ticks parsed(RawHttp.Answer answer) {
    String[] numbers = answer.text().strip().split(" ", -1);
    return new Ticks(Long.parseLong(numbers[0]), Integer.parseInt(numbers[1]));
  }

  /** Whether this is the clock of that generation, and goes. */
  boolean goesIn(int expected) {
    return generation == expected && count > 0;
  }
}
