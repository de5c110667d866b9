package io.goagain.examples;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The {@code --name value} pairs of a command line. */
public final class Arguments {

  private final Map<String, String> values = new HashMap<>();

  Arguments(List<String> words) {
    for (int i = 0; i < words.size(); i += 2) {
      String name = words.get(i);
      if (!name.startsWith("--") || i + 1 == words.size()) {
        throw new IllegalArgumentException("expected \"--name value\" and not \"" + name + "\"");
      }
      values.put(name.substring(2), words.get(i + 1));
    }
  }

  /** Fails if there is an option that the example does not know. */
  public void allow(Set<String> names) {
    for (String name : values.keySet()) {
      if (!names.contains(name)) {
        throw new IllegalArgumentException(
            "there is no option --" + name + "; there are " + names.stream().sorted().toList());
      }
    }
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
