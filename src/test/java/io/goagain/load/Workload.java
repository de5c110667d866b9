package io.goagain.load;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What some clients do: each has a connection and a thread of its own, and its own share of the
 * schedule. The rate is fixed whatever the server does; a rate of 0 means back to back.
 */
public final class Workload {
  private static final Pattern HELLO = Pattern.compile("hello generation=(\\d+) pid=(\\d+)\n");
  private static final int MAX_BODY = 64 * 1024;

  /** Who answered, or zeros. */
  record Answer(int generation, long pid) {}

  /** Looks at a whole answer. */
  interface Check {
    Answer check(ResponseParser answer) throws Lost;
  }

  /** The bytes to send, and what must come back. */
  record Request(ByteBuffer bytes, Check check) {}

  private final String name;
  private final SocketAddress address;
  private final int clients;
  private final double perSecond;
  private final boolean keepsAlive;
  private final Duration wait;
  private final Function<SplittableRandom, Request> requests;

  private Workload(
      String name,
      SocketAddress address,
      int clients,
      double perSecond,
      boolean keepsAlive,
      Duration wait,
      Function<SplittableRandom, Request> requests) {
    this.name = name;
    this.address = address;
    this.clients = clients;
    this.perSecond = perSecond;
    this.keepsAlive = keepsAlive;
    this.wait = wait;
    this.requests = requests;
  }

  /** GETs of / on keep-alive connections. */
  public static Workload gets(SocketAddress address, int connections, double perSecond) {
    Request request = hello("/", "");
    return new Workload(
        "get", address, connections, perSecond, true, Duration.ZERO, random -> request);
  }

  /** GETs of / on a new connection each, by this many clients. */
  public static Workload connects(SocketAddress address, int clients, double perSecond) {
    Request request = hello("/", "Connection: close\r\n");
    return new Workload(
        "connect", address, clients, perSecond, false, Duration.ZERO, random -> request);
  }

  /**
   * POSTs of random bodies of up to 64 KiB to /echo on keep-alive connections, some of them
   * chunked; the answer is compared byte for byte.
   */
  public static Workload echoes(SocketAddress address, int connections, double perSecond) {
    return new Workload(
        "echo", address, connections, perSecond, true, Duration.ZERO, Workload::echo);
  }

  /** GETs of /slow on keep-alive connections; the wait is subtracted from their latency. */
  public static Workload slow(
      SocketAddress address, int connections, double perSecond, Duration wait) {
    String slow = "slow " + wait.toMillis() + "\n";
    Request hello = hello("/slow?millis=" + wait.toMillis(), "");
    Request request = new Request(hello.bytes(), answer -> checkSlow(slow, answer));
    return new Workload("slow", address, connections, perSecond, true, wait, random -> request);
  }

  /**
   * GETs of /ask on keep-alive connections, each with a number that no other has; the answer has to
   * be about that number.
   */
  public static Workload asks(
      SocketAddress address, int connections, double perSecond, AtomicLong numbers) {
    return new Workload(
        "ask",
        address,
        connections,
        perSecond,
        true,
        Duration.ZERO,
        random -> {
          String id = Long.toString(numbers.incrementAndGet());
          String answered = "answer " + id + " ";
          return new Request(
              hello("/ask?id=" + id, "").bytes(), answer -> checkAnswer(answered, answer));
        });
  }

  private static Answer checkAnswer(String wanted, ResponseParser answer) throws Lost {
    checkStatus(answer);
    String body = new String(answer.body(), ISO_8859_1);
    if (!body.startsWith(wanted)) {
      throw new Lost(Failure.BAD_BODY, "not \"" + wanted + "\": \"" + start(body) + "\"");
    }
    return new Answer(0, 0);
  }

  /** GETs of / on keep-alive connections, back to back, as wrk does. */
  public static Workload keepAlive(SocketAddress address, int connections) {
    return gets(address, connections, 0);
  }

  String name() {
    return name;
  }

  SocketAddress address() {
    return address;
  }

  int clients() {
    return clients;
  }

  double perSecond() {
    return perSecond;
  }

  boolean keepsAlive() {
    return keepsAlive;
  }

  Duration waits() {
    return wait;
  }

  Request next(SplittableRandom random) {
    return requests.apply(random);
  }

  private static Request hello(String path, String headers) {
    String head = "GET " + path + " HTTP/1.1\r\nHost: goagain\r\n" + headers + "\r\n";
    return new Request(ByteBuffer.wrap(head.getBytes(ISO_8859_1)), Workload::checkHello);
  }

  private static Answer checkHello(ResponseParser answer) throws Lost {
    checkStatus(answer);
    String body = new String(answer.body(), ISO_8859_1);
    Matcher matcher = HELLO.matcher(body);
    if (!matcher.matches()) {
      throw new Lost(Failure.BAD_BODY, "not a hello: \"" + start(body) + "\"");
    }
    return new Answer(Integer.parseInt(matcher.group(1)), Long.parseLong(matcher.group(2)));
  }

  private static Answer checkSlow(String slow, ResponseParser answer) throws Lost {
    checkStatus(answer);
    // An answer that says who gives it is good as well.
    boolean plain = new String(answer.body(), ISO_8859_1).equals(slow);
    return plain ? new Answer(0, 0) : checkHello(answer);
  }

  private static void checkStatus(ResponseParser answer) throws Lost {
    if (answer.status() != 200) {
      String body = start(new String(answer.body(), ISO_8859_1));
      throw new Lost(Failure.BAD_STATUS, answer.status() + " \"" + body + "\"");
    }
  }

  private static String start(String body) {
    return body.substring(0, Math.min(body.length(), 80)).strip();
  }

  private static Request echo(SplittableRandom random) {
    byte[] body = new byte[random.nextInt(MAX_BODY + 1)];
    random.nextBytes(body);
    boolean chunked = random.nextInt(3) == 0;
    ByteArrayOutputStream request = new ByteArrayOutputStream(body.length + 256);
    write(request, "POST /echo HTTP/1.1\r\nHost: goagain\r\n");
    if (chunked) {
      write(request, "Transfer-Encoding: chunked\r\n\r\n");
      for (int at = 0; at < body.length; ) {
        int size = Math.min(body.length - at, random.nextInt(1, 8 * 1024));
        write(request, Integer.toHexString(size) + "\r\n");
        request.write(body, at, size);
        write(request, "\r\n");
        at += size;
      }
      write(request, "0\r\n\r\n");
    } else {
      write(request, "Content-Length: " + body.length + "\r\n\r\n");
      request.writeBytes(body);
    }
    return new Request(ByteBuffer.wrap(request.toByteArray()), answer -> checkEcho(body, answer));
  }

  private static Answer checkEcho(byte[] sent, ResponseParser answer) throws Lost {
    checkStatus(answer);
    byte[] echoed = answer.body();
    int mismatch = Arrays.mismatch(sent, echoed);
    if (mismatch >= 0) {
      throw new Lost(
          Failure.BAD_BODY,
          "sent " + sent.length + " bytes, got " + echoed.length + ", differ at " + mismatch);
    }
    return new Answer(0, 0);
  }

  private static void write(ByteArrayOutputStream to, String text) {
    to.writeBytes(text.getBytes(ISO_8859_1));
  }
}
