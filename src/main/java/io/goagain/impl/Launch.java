package io.goagain.impl;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How this process was started, taken from procfs(5) before anything could change it.
 *
 * @param arguments argv, as it was typed: its first element may be relative or a name on PATH
 * @param workingDirectory as it was typed too: with the symbolic links that {@code $PWD} has, so
 *     that an upgrade behind such a link is picked up
 * @param environment as the process got it, which is not what {@link System#getenv} makes of it
 *     under a locale that cannot express it
 */
record Launch(List<String> arguments, String workingDirectory, Map<String, String> environment) {

  static Launch ofThisProcess() {
    try {
      Map<String, String> environment = new LinkedHashMap<>();
      for (String entry : nulSeparated("/proc/self/environ")) {
        int equals = entry.indexOf('=', 1);
        if (equals > 0) {
          environment.putIfAbsent(entry.substring(0, equals), entry.substring(equals + 1));
        }
      }
      List<String> arguments = new ArrayList<>(nulSeparated("/proc/self/cmdline"));
      // What a predecessor has added is not what was typed.
      Archives.ownFlags().forEach(arguments::remove);
      return new Launch(
          List.copyOf(arguments),
          workingDirectory(environment.get("PWD")),
          Map.copyOf(environment));
    } catch (IOException | UncheckedIOException e) {
      // No procfs: not Linux, where restarts are refused anyway.
      return new Launch(List.of(), System.getProperty("user.dir"), System.getenv());
    }
  }

  private static List<String> nulSeparated(String file) throws IOException {
    String content = Files.readString(Path.of(file), StandardCharsets.ISO_8859_1);
    List<String> parts = new ArrayList<>();
    int start = 0;
    for (int end = content.indexOf('\0'); end >= 0; end = content.indexOf('\0', start)) {
      byte[] bytes = content.substring(start, end).getBytes(StandardCharsets.ISO_8859_1);
      parts.add(new String(bytes, StandardCharsets.UTF_8));
      start = end + 1;
    }
    return List.copyOf(parts);
  }

  /** As the shell named it, if $PWD is not stale: it may have gone through symbolic links. */
  static String workingDirectory(String pwd) throws IOException {
    String actual = Files.readSymbolicLink(Path.of("/proc/self/cwd")).toString();
    try {
      if (pwd != null && pwd.startsWith("/") && Files.isSameFile(Path.of(pwd), Path.of(actual))) {
        return pwd;
      }
    } catch (IOException e) {
      // $PWD names nothing: it is a stale variable.
    }
    return actual;
  }
}
