package io.goagain;

import java.util.Locale;

/** Whether class-data archives are kept for the next generations of a program. */
public enum ArchiveMode {
  /** Where there is a directory for them, and no flag of the JVM speaks against it. */
  AUTO,
  /** Not at all. */
  OFF;

  /**
   * The mode of a name as it stands in JSON.
   *
   * @throws IllegalArgumentException if there is none of that name
   */
  public static ArchiveMode of(String name) {
    for (ArchiveMode mode : values()) {
      if (mode.toString().equals(name)) {
        return mode;
      }
    }
    throw new IllegalArgumentException(
        "there is no archive \"" + name + "\", but \"auto\" and \"off\"");
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
