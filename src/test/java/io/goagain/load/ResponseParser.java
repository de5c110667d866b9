package io.goagain.load;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.Locale;

/**
 * Parses one HTTP/1.1 answer, in pieces of any size. Interim answers (1xx) are skipped. Trailers
 * are read and dropped. Not for answers to HEAD.
 */
final class ResponseParser {
  private static final int MAX_LINE = 16 * 1024;

  private enum State {
    STATUS,
    HEADERS,
    BODY,
    BODY_TO_EOF,
    CHUNK_SIZE,
    CHUNK,
    CHUNK_END,
    TRAILERS,
    DONE
  }

  private final ByteArrayOutputStream line = new ByteArrayOutputStream(128);
  private final ByteArrayOutputStream body = new ByteArrayOutputStream();
  private State state = State.STATUS;
  private boolean started;
  private int status;
  private boolean close;
  private boolean chunked;
  private long length;
  private long left;

  /**
   * Takes the bytes that belong to the answer and leaves the others.
   *
   * @return whether the answer is whole
   * @throws Lost {@link Failure#MALFORMED}
   */
  boolean feed(ByteBuffer in) throws Lost {
    started |= in.hasRemaining();
    while (state != State.DONE && in.hasRemaining()) {
      switch (state) {
        case BODY, CHUNK -> take(in);
        case BODY_TO_EOF -> {
          left = in.remaining();
          take(in);
        }
        default -> {
          String text = line(in);
          if (text != null) {
            line(text);
          }
        }
      }
    }
    return state == State.DONE;
  }

  /** Takes the end of the stream, and returns whether it makes the answer whole. */
  boolean end() {
    if (state == State.BODY_TO_EOF) {
      state = State.DONE;
    }
    return state == State.DONE;
  }

  /** Whether any byte of an answer has arrived. */
  boolean started() {
    return started;
  }

  int status() {
    return status;
  }

  /** Whether the server said, or its framing implies, that it closes the connection. */
  boolean close() {
    return close;
  }

  byte[] body() {
    return body.toByteArray();
  }

  /** How far the answer came, for messages. */
  String progress() {
    if (!started) {
      return "no answer";
    }
    return "answer ended in " + state.name().toLowerCase(Locale.ROOT) + ", body " + body.size();
  }

  private void take(ByteBuffer in) {
    int n = (int) Math.min(left, in.remaining());
    byte[] bytes = new byte[n];
    in.get(bytes);
    body.writeBytes(bytes);
    left -= n;
    if (left == 0 && state == State.BODY) {
      state = State.DONE;
    } else if (left == 0 && state == State.CHUNK) {
      state = State.CHUNK_END;
    }
  }

  /** The next line without its end, or null while it is incomplete. */
  private String line(ByteBuffer in) throws Lost {
    while (in.hasRemaining()) {
      byte b = in.get();
      if (b == '\n') {
        String text = line.toString(ISO_8859_1);
        line.reset();
        if (!text.endsWith("\r")) {
          throw malformed("line without carriage return", text);
        }
        return text.substring(0, text.length() - 1);
      }
      line.write(b);
      if (line.size() > MAX_LINE) {
        throw malformed("endless line", line.toString(ISO_8859_1).substring(0, 80));
      }
    }
    return null;
  }

  private void line(String text) throws Lost {
    switch (state) {
      case STATUS -> statusLine(text);
      case HEADERS -> {
        if (text.isEmpty()) {
          startBody();
        } else {
          header(text);
        }
      }
      case CHUNK_SIZE -> {
        left = number(text.split(";", 2)[0].strip(), 16);
        state = left == 0 ? State.TRAILERS : State.CHUNK;
      }
      case CHUNK_END -> {
        if (!text.isEmpty()) {
          throw malformed("chunk longer than its size", text);
        }
        state = State.CHUNK_SIZE;
      }
      case TRAILERS -> {
        if (text.isEmpty()) {
          state = State.DONE;
        }
      }
      default -> throw new IllegalStateException(state.name());
    }
  }

  private void statusLine(String text) throws Lost {
    if (!text.matches("HTTP/1\\.[01] [1-5][0-9][0-9]( .*)?")) {
      throw malformed("no status line", text);
    }
    status = Integer.parseInt(text.substring(9, 12));
    close = text.startsWith("HTTP/1.0");
    chunked = false;
    length = -1;
    state = State.HEADERS;
  }

  private void header(String text) throws Lost {
    int colon = text.indexOf(':');
    if (colon < 1) {
      throw malformed("no header", text);
    }
    String value = text.substring(colon + 1).strip();
    switch (text.substring(0, colon).toLowerCase(Locale.ROOT)) {
      case "content-length" -> {
        long was = length;
        length = number(value, 10);
        if (was >= 0 && was != length) {
          throw malformed("two lengths", text);
        }
      }
      case "transfer-encoding" -> {
        if (!value.equalsIgnoreCase("chunked")) {
          throw malformed("unknown transfer encoding", value);
        }
        chunked = true;
      }
      case "connection" -> {
        for (String token : value.toLowerCase(Locale.ROOT).split(",", -1)) {
          close |= token.strip().equals("close");
          close &= !token.strip().equals("keep-alive");
        }
      }
      default -> {
        // Not ours.
      }
    }
  }

  private void startBody() throws Lost {
    if (status == 101) {
      throw malformed("unasked upgrade", "101");
    } else if (status < 200) {
      state = State.STATUS;
    } else if (status == 204 || status == 304) {
      state = State.DONE;
    } else if (chunked && length >= 0) {
      throw malformed("both chunked and of a length", Long.toString(length));
    } else if (chunked) {
      state = State.CHUNK_SIZE;
    } else if (length < 0) {
      close = true;
      state = State.BODY_TO_EOF;
    } else {
      left = length;
      state = length == 0 ? State.DONE : State.BODY;
    }
  }

  private static long number(String text, int radix) throws Lost {
    try {
      if (text.matches("[0-9a-fA-F]+")) {
        return Long.parseLong(text, radix);
      }
    } catch (NumberFormatException e) {
      throw new Lost(Failure.MALFORMED, "no number", e);
    }
    throw malformed("no number", text);
  }

  private static Lost malformed(String what, String text) {
    return new Lost(Failure.MALFORMED, what + ": \"" + text + "\"");
  }
}
