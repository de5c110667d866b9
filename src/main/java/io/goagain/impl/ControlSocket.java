package io.goagain.impl;

import io.goagain.RestartOptions;
import io.goagain.impl.net.InheritedListener;
import io.goagain.impl.net.ListenerAddress;
import io.goagain.impl.net.Listeners;
import io.goagain.impl.net.SecuredUnixSocket;
import io.goagain.impl.posix.Descriptors;
import java.io.IOException;
import java.util.OptionalInt;

/** Where the control socket comes from: an earlier generation, or this process. */
final class ControlSocket {

  private static final int BACKLOG = 128;

  private ControlSocket() {}

  /** Empty if somebody listens there. */
  static OptionalInt listen(RestartOptions options, String path) throws IOException {
    return SecuredUnixSocket.listenUnlessLive(
        path,
        Integer.parseInt(options.getControlSocketMode(), 8),
        options.getControlSocketGroup(),
        BACKLOG);
  }

  /** Named by the path that this process knows: the one that made it may see it elsewhere. */
  static InheritedListener inherited(String path, int descriptor) {
    return InheritedListener.control(new ListenerAddress.Unix(path), descriptor);
  }

  /**
   * Sees to it that a server that is bound to the path adopts the socket; blocks.
   *
   * @throws IOException with a sentence, if somebody else listens there
   */
  static void prepare(RestartOptions options, String path, Listeners listeners) throws IOException {
    InheritedListener inherited = listeners.takeControl();
    OptionalInt fresh = listen(options, path);
    if (fresh.isPresent()) {
      if (inherited != null) {
        // The option names another path than the generation before.
        Descriptors.close(inherited.descriptor());
        listeners.removeFile(inherited);
      }
      listeners.offer(inherited(path, fresh.getAsInt()));
    } else if (inherited != null) {
      listeners.offer(inherited(path, inherited.descriptor()));
    } else {
      throw new IOException(
          "Somebody listens on the control socket %s already: call RestartVerticle.takeOver with the same options before the first Vert.x instance is made, or choose another path."
              .formatted(path));
    }
  }
}
