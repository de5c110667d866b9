package io.goagain;

import java.util.Locale;

/** How a process is replaced. */
public enum RestartStrategy {
  /** The successor takes over and the predecessor exits: the pid changes. */
  SINGLE,
  /**
   * A stand-in takes over, the process executes its next image in its own place (execve(2)) and
   * takes over from the stand-in: the pid stays, for supervisors that watch one. Verticles are
   * undeployed before that, shutdown hooks of the JVM do not run.
   */
  DOUBLE,
  /**
   * {@code double} as process 1 of a container, and under a supervisor that watches one pid: runit,
   * supervisord, s6, an init of Docker, systemd without notification or pid file. Else {@code
   * single}.
   */
  AUTO;

  /**
   * The strategy of a name as it stands in JSON.
   *
   * @throws IllegalArgumentException if there is none of that name
   */
  public static RestartStrategy of(String name) {
    for (RestartStrategy strategy : values()) {
      if (strategy.toString().equals(name)) {
        return strategy;
      }
    }
    throw new IllegalArgumentException(
        "there is no strategy \"" + name + "\", but \"single\", \"double\" and \"auto\"");
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
