package io.goagain.impl;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * The flags that the JVM of a process was given, as they were typed: the management interface of
 * the JVM would have to be loaded, which a full descriptor table does not allow.
 */
final class JvmFlags {

  /** Those of the java launcher whose value is the next word: java(1). */
  private static final Set<String> WITH_VALUE =
      Set.of(
          "--add-exports",
          "--add-modules",
          "--add-opens",
          "--add-reads",
          "--enable-native-access",
          "--limit-modules",
          "--module-path",
          "--patch-module",
          "--upgrade-module-path",
          "-p");

  private static final Set<String> CLASS_PATH = Set.of("-classpath", "-cp", "--class-path");
  private static final Set<String> PROGRAM = Set.of("-jar", "-m", "--module");
  private static final List<String> VARIABLES =
      List.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS");

  private JvmFlags() {}

  /** Without the class path, and without what to run. */
  static List<String> of(Launch launch) {
    List<String> flags = new ArrayList<>();
    for (String variable : VARIABLES) {
      String words = launch.environment().getOrDefault(variable, "").strip();
      if (!words.isEmpty()) {
        flags.addAll(List.of(words.split("\\s+", -1)));
      }
    }
    List<String> words = launch.arguments();
    for (int i = 1; i < words.size(); i++) {
      String word = words.get(i);
      if (PROGRAM.contains(word) || !(word.startsWith("-") || word.startsWith("@"))) {
        break;
      }
      if (CLASS_PATH.contains(word)) {
        i++;
      } else {
        flags.add(word);
        if (WITH_VALUE.contains(word) && i + 1 < words.size()) {
          flags.add(words.get(++i));
        }
      }
    }
    return List.copyOf(flags);
  }
}
