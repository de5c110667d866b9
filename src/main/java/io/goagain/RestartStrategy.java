package io.goagain;

import java.util.Locale;

/** How a process is replaced. */
public enum RestartStrategy {
  /** The successor takes over and the predecessor exits: the pid changes. */
  SINGLE;

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
        "strategy \"" + name + "\" does not exist in this version; it can be \"single\"");
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
