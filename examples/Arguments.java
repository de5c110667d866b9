package io.goagain.examples;

import io.goagain.RestartOptions;
import io.vertx.core.json.JsonObject;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** The {@code --name value} pairs of a command line, and the flags that have no value. */
public final class Arguments {

  private static final Set<String> FLAGS = Set.of("--warm-up", "--watch");

  private final Map<String, String> values = new HashMap<>();

  Arguments(List<String> words) {
    for (int i = 0; i < words.size(); i++) {
      String name = words.get(i);
      if (!name.startsWith("--")) {
        throw new IllegalArgumentException("expected \"--name value\" and not \"" + name + "\"");
      }
      boolean flag = FLAGS.contains(name);
      if (!flag && i + 1 == words.size()) {
        throw new IllegalArgumentException(name + " needs a value");
      }
      values.put(name.substring(2), flag ? "true" : words.get(++i));
    }
  }

  /** Fails if there is an option that neither the example nor all of them know. */
  public void allow(Set<String> names) {
    Set<String> known = new TreeSet<>(names);
    known.addAll(Set.of("options", "control-socket"));
    for (String name : values.keySet()) {
      if (!known.contains(name)) {
        throw new IllegalArgumentException("there is no option --" + name + "; there are " + known);
      }
    }
  }

  /** Those of RestartVerticle: {@code --options}, in JSON, and {@code --control-socket}, a path. */
  public RestartOptions restartOptions() {
    RestartOptions options = new RestartOptions(new JsonObject(get("options", "{}")));
    return has("control-socket") ? options.setControlSocket(get("control-socket", null)) : options;
  }

  /** The value, or the default. */
  public String get(String name, String orElse) {
    return values.getOrDefault(name, orElse);
  }

  /** The value as a number, or the default. */
  public int number(String name, int orElse) {
    String value = values.get(name);
    try {
      return value == null ? orElse : Integer.parseInt(value);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("--" + name + " must be a number, not " + value, e);
    }
  }

  /** Whether it was given. */
  public boolean has(String name) {
    return values.containsKey(name);
  }
}
