package io.goagain.impl;

import io.goagain.impl.net.InheritedListener;
import io.goagain.impl.posix.Descriptors;
import java.util.List;

/**
 * A service for {@link SystemdProtocolIT}: takes what systemd passes, has it keep all that and one
 * listener of its own, tells what it holds, and waits to be killed.
 */
final class SystemdProgram {

  private SystemdProgram() {}

  public static void main(String[] arguments) throws Exception {
    Launch launch = Launch.ofThisProcess();
    long pid = ProcessHandle.current().pid();
    SystemdNotifier notifier = SystemdNotifier.fromEnvironment(launch.environment(), pid);
    List<InheritedListener> listeners = SocketActivation.fromEnvironment(launch.environment(), pid);
    for (InheritedListener listener : listeners) {
      notifier.store(listener.name(), listener.descriptor());
    }
    if (listeners.stream().noneMatch(l -> l.name().equals(arguments[0]))) {
      notifier.store(arguments[0], Descriptors.listenUnix("\0" + arguments[1], 1));
    }
    notifier.ready(
        "watchdog %d, %d passed, %s"
            .formatted(
                notifier.watchdogMillis(),
                Integer.parseInt(launch.environment().getOrDefault("LISTEN_FDS", "0")),
                listeners.stream().map(l -> l.name() + " on " + l.address()).toList()));
    while (true) {
      notifier.watchdog();
      Thread.sleep(Math.max(100, notifier.watchdogMillis() / 2));
    }
  }
}
