package io.goagain.benchmark;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.nio.ByteBuffer;

/** What has come of an HTTP/1.1 answer with a Content-Length, looked at without making objects. */
final class Answer {
  private static final byte[] END = "\r\n\r\n".getBytes(US_ASCII);
  private static final byte[] LENGTH = "\r\ncontent-length: ".getBytes(US_ASCII);
  private static final byte[] CLOSE = "\r\nconnection: close".getBytes(US_ASCII);

  private Answer() {}

  /** Whether all of it has come. */
  static boolean isWhole(ByteBuffer in) {
    int head = indexOf(in, END);
    return head >= 0 && in.position() - head - END.length >= length(in);
  }

  /** Its status code. */
  static int status(ByteBuffer in) {
    return number(in, "HTTP/1.1 ".length());
  }

  /** Whether the server says that it will close the connection. */
  static boolean closes(ByteBuffer in) {
    return indexOf(in, CLOSE) >= 0;
  }

  private static int length(ByteBuffer in) {
    int at = indexOf(in, LENGTH);
    return at < 0 ? 0 : number(in, at + LENGTH.length);
  }

  private static int number(ByteBuffer in, int from) {
    int number = 0;
    for (int i = from; i < in.position() && in.get(i) >= '0' && in.get(i) <= '9'; i++) {
      number = number * 10 + in.get(i) - '0';
    }
    return number;
  }

  /** Where some lower-case text begins, in whatever case, or -1. */
  private static int indexOf(ByteBuffer in, byte[] text) {
    for (int i = 0; i + text.length <= in.position(); i++) {
      int same = 0;
      while (same < text.length && lower(in.get(i + same)) == text[same]) {
        same++;
      }
      if (same == text.length) {
        return i;
      }
    }
    return -1;
  }

  private static int lower(byte b) {
    return b >= 'A' && b <= 'Z' ? b + 32 : b;
  }
}
