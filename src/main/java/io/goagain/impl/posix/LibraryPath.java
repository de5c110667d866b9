package io.goagain.impl.posix;

/**
 * Where JNA looks for libraries. It asks {@code ldconfig} for that at its start, which takes a
 * process and tens of milliseconds: a successor is told what its predecessor has been told.
 */
public final class LibraryPath {

  /** How a successor is told. */
  public static final String VARIABLE = "GOAGAIN_LIBRARY_PATH";

  /** JNA sets it, unless somebody has: com.sun.jna.NativeLibrary. */
  private static final String PROPERTY = "jna.platform.library.path";

  private LibraryPath() {}

  /** What this process knows, or null if JNA has not been used. */
  public static String known() {
    return System.getProperty(PROPERTY);
  }

  /** Before JNA is used. */
  static void inherit() {
    String inherited = System.getenv(VARIABLE);
    if (inherited != null && System.getProperty(PROPERTY) == null) {
      System.setProperty(PROPERTY, inherited);
    }
  }
}
