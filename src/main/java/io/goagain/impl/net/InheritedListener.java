package io.goagain.impl.net;

import io.goagain.impl.posix.Descriptors;
import io.goagain.impl.posix.PosixException;
import io.goagain.impl.posix.SocketFacts;
import java.io.IOException;

/**
 * A listening socket that this process was started with. Owns its descriptor until it is adopted.
 *
 * @param name as the predecessor called it
 * @param descriptor its number in this process
 * @param address what the kernel says it is bound to
 * @param file what tells the file of a Unix socket from another one at its path; null if there is
 *     none, or it belongs to somebody else
 */
public record InheritedListener(String name, int descriptor, ListenerAddress address, Object file) {

  /** The same under another name. */
  public InheritedListener named(String other) {
    return new InheritedListener(other, descriptor, address, file);
  }

  /** The same for one whose file, if it has one, is to be left alone. */
  public InheritedListener foreign() {
    return new InheritedListener(name, descriptor, address, null);
  }

  /** The control socket, at the path under which this process knows it. */
  public static InheritedListener control(ListenerAddress.Unix address, int descriptor) {
    return new InheritedListener(
        Listener.CONTROL, descriptor, address, UnixPaths.identity(address.path()));
  }

  /**
   * Looks at an inherited number and makes it ours: close-on-exec, so that nothing that the
   * application starts gets it, and non-blocking, as whoever made it may not have been.
   *
   * @throws IOException if the number is not a listening stream socket; it is left alone then
   */
  public static InheritedListener claim(String name, int descriptor) throws IOException {
    SocketFacts facts;
    try {
      facts = SocketFacts.of(descriptor);
    } catch (PosixException e) {
      throw new IOException(
          "inherited listener \"%s\": descriptor %d is no socket: %s"
              .formatted(name, descriptor, e.getMessage()),
          e);
    }
    if (facts.type() != SocketFacts.Type.STREAM || !facts.listening()) {
      throw new IOException(
          "inherited listener \"%s\": descriptor %d is a socket that does not listen: %s"
              .formatted(name, descriptor, facts));
    }
    ListenerAddress address = ListenerAddress.of(facts);
    Descriptors.setCloseOnExec(descriptor, true);
    Descriptors.setNonBlocking(descriptor);
    Object file =
        address instanceof ListenerAddress.Unix unix ? UnixPaths.identity(unix.path()) : null;
    return new InheritedListener(name, descriptor, address, file);
  }
}
