package io.goagain.impl;

import io.goagain.impl.posix.Users;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/** Where the control socket is: what is configured, with its placeholders filled in. */
final class ControlSocketPath {

  private ControlSocketPath() {}

  /** What a path depends on beside the environment. */
  record Host(String home, String tmp, String user, String workingDirectory, boolean root) {}

  /**
   * Fills in <code>${runtime}</code>, <code>${home}</code>, <code>${tmp}</code>, <code>${user}
   * </code> and variables of the environment, in one pass. {@code $$} is a dollar.
   *
   * @return absolute and normalized; relative ones begin at the working directory
   * @throws IllegalArgumentException if something cannot be filled in, with what there is instead
   */
  static String resolve(String configured, Map<String, String> environment) {
    Host host =
        new Host(
            System.getProperty("user.home"),
            System.getProperty("java.io.tmpdir"),
            System.getProperty("user.name"),
            workingDirectory(environment),
            Users.effectiveUser() == 0);
    return resolve(configured, environment, host);
  }

  private static String workingDirectory(Map<String, String> environment) {
    try {
      return Launch.workingDirectory(environment.get("PWD"));
    } catch (IOException e) {
      return System.getProperty("user.dir");
    }
  }

  /** Pure: all that the path depends on. */
  static String resolve(String configured, Map<String, String> environment, Host host) {
    if (configured.isBlank()) {
      throw new IllegalArgumentException("the path of the control socket is empty");
    }
    StringBuilder path = new StringBuilder();
    int done = 0;
    for (int dollar; (dollar = configured.indexOf('$', done)) >= 0; ) {
      path.append(configured, done, dollar);
      if (configured.startsWith("$$", dollar)) {
        path.append('$');
        done = dollar + 2;
      } else {
        int end = configured.indexOf('}', dollar);
        if (!configured.startsWith("${", dollar) || end < 0) {
          throw refused(configured, configured.substring(dollar), "does not end, or has no braces");
        }
        path.append(value(configured, configured.substring(dollar + 2, end), environment, host));
        done = end + 1;
      }
    }
    path.append(configured, done, configured.length());
    return Path.of(host.workingDirectory()).resolve(path.toString()).normalize().toString();
  }

  private static String value(
      String configured, String name, Map<String, String> environment, Host host) {
    String value =
        switch (name) {
          case "runtime" -> runtime(configured, environment, host);
          case "home" -> known(host.home());
          case "tmp" -> known(host.tmp());
          case "user" -> known(host.user());
          default -> environment.get(name);
        };
    if (value == null) {
      throw refused(configured, "${" + name + "}", "is not known");
    }
    return value;
  }

  private static String runtime(String configured, Map<String, String> environment, Host host) {
    // systemd.exec(5): several directories are separated by colons.
    String systemd = environment.getOrDefault("RUNTIME_DIRECTORY", "").split(":", 2)[0];
    if (!systemd.isEmpty()) {
      return systemd;
    }
    String session = environment.getOrDefault("XDG_RUNTIME_DIR", "");
    if (!session.isEmpty()) {
      return session;
    }
    if (host.root()) {
      return "/run";
    }
    throw refused(
        configured,
        "${runtime}",
        "needs RUNTIME_DIRECTORY, which systemd sets for RuntimeDirectory=, or XDG_RUNTIME_DIR");
  }

  /** The JDK says "?" where the system does not know. */
  private static String known(String value) {
    return value == null || value.isEmpty() || value.equals("?") ? null : value;
  }

  private static IllegalArgumentException refused(String configured, String what, String why) {
    return new IllegalArgumentException(
        ("the path of the control socket \"%s\": %s %s; there are ${runtime}, ${home}, "
                + "${tmp}, ${user}, ${NAME} for a variable of the environment that is set, "
                + "and $$ for a dollar")
            .formatted(configured, what, why));
  }
}
