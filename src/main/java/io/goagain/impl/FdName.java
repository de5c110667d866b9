package io.goagain.impl;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;

/**
 * The name of a listener as systemd takes it. FDNAME in sd_notify(3) is printable ASCII without a
 * colon, 255 characters at most (fdname_is_valid() in systemd's source); anything else is not
 * refused but replaced by "stored". So the rest is percent-encoded, and comes back in
 * LISTEN_FDNAMES.
 */
final class FdName {

  private static final int MAX_LENGTH = 255;
  private static final String HEX = "0123456789ABCDEF";

  private FdName() {}

  /**
   * Cut where the result would be too long, always at the same place: such a name can be removed
   * again, but does not come back, and its listener is found by its address.
   */
  static String encode(String name) {
    StringBuilder encoded = new StringBuilder();
    for (byte b : name.getBytes(UTF_8)) {
      boolean plain = b > ' ' && b < 127 && b != ':' && b != '%';
      if (encoded.length() + (plain ? 1 : 3) > MAX_LENGTH) {
        break;
      }
      if (plain) {
        encoded.append((char) b);
      } else {
        encoded.append('%').append(HEX.charAt((b & 0xff) >> 4)).append(HEX.charAt(b & 0xf));
      }
    }
    return encoded.toString();
  }

  /** What is not encoded stays: names from socket units are not ours. */
  static String decode(String name) {
    ByteArrayOutputStream decoded = new ByteArrayOutputStream();
    byte[] bytes = name.getBytes(UTF_8);
    for (int i = 0; i < bytes.length; i++) {
      int high = bytes[i] == '%' && i + 2 < bytes.length ? HEX.indexOf(bytes[i + 1]) : -1;
      int low = high < 0 ? -1 : HEX.indexOf(bytes[i + 2]);
      if (low < 0) {
        decoded.write(bytes[i]);
      } else {
        decoded.write(high << 4 | low);
        i += 2;
      }
    }
    return decoded.toString(UTF_8);
  }
}
