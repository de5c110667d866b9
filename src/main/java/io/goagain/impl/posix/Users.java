package io.goagain.impl.posix;

import com.sun.jna.Pointer;

/**
 * Users and groups. Their numbers are unsigned, and an {@code int} here: as a text with {@link
 * Integer#toUnsignedString(int)}.
 */
public final class Users {

  /** To the kernel, (uid_t) -1 is none. */
  private static final int NONE = -1;

  private Users() {}

  /** The user with whose rights this process acts: geteuid(2). */
  public static int effectiveUser() {
    return LibC.geteuid();
  }

  /**
   * The number of a user. One that is given is not looked up. May ask a directory service, and
   * block as long as that does: getpwnam(3).
   *
   * @throws IllegalArgumentException if there is no such user, with what to do
   */
  public static int uidOf(String nameOrNumber) {
    return isNumber(nameOrNumber)
        ? number("user", nameOrNumber)
        : find("user", "passwd", nameOrNumber);
  }

  /**
   * The number of a group, as {@link #uidOf} has it: getgrnam(3).
   *
   * @throws IllegalArgumentException if there is no such group, with what to do
   */
  public static int gidOf(String nameOrNumber) {
    return isNumber(nameOrNumber)
        ? number("group", nameOrNumber)
        : find("group", "group", nameOrNumber);
  }

  private static boolean isNumber(String text) {
    return !text.isEmpty() && text.chars().allMatch(c -> c >= '0' && c <= '9');
  }

  private static int number(String kind, String digits) {
    try {
      int number = Integer.parseUnsignedInt(digits);
      if (number != NONE) {
        return number;
      }
    } catch (NumberFormatException e) {
      // Beyond 32 bits: as below.
    }
    throw new IllegalArgumentException(
        "%s %s: the largest number of a %s is 4294967294".formatted(kind, digits, kind));
  }

  /** One at a time, as libc has one answer for all threads. */
  private static synchronized int find(String kind, String database, String name) {
    if (!name.isEmpty() && name.indexOf('\0') < 0) {
      boolean user = kind.equals("user");
      byte[] string = LibC.bytes(name);
      Pointer entry = user ? LibC.getpwnam(string) : LibC.getgrnam(string);
      if (entry != null) {
        return entry.getInt(user ? LibC.OFFSETOF_PW_UID : LibC.OFFSETOF_GR_GID);
      }
    }
    throw new IllegalArgumentException(
        "there is no %s \"%s\" here: see \"getent %s\" for those there are, or give its number"
            .formatted(kind, name.replace("\0", "\\0"), database));
  }
}
