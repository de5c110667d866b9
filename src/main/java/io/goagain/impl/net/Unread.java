package io.goagain.impl.net;

import io.netty.buffer.ByteBuf;
import java.io.ByteArrayOutputStream;

/** Bytes that were read from a connection and not processed. */
final class Unread {

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

  /** Takes the buffer over. */
  void add(ByteBuf more) {
    byte[] copy = new byte[more.readableBytes()];
    more.readBytes(copy);
    more.release();
    bytes.writeBytes(copy);
  }

  byte[] bytes() {
    return bytes.toByteArray();
  }
}
