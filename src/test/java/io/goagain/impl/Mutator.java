package io.goagain.impl;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Makes of a valid conversation one that is not, the same for the same seed. */
final class Mutator {
  private static final Object[] VALUES = {
    null,
    true,
    false,
    0,
    -1,
    1.5,
    Integer.MAX_VALUE,
    Long.MIN_VALUE,
    Long.MAX_VALUE,
    1e308,
    "",
    "x",
    "public",
    "\0\uffff\n",
    "9".repeat(400),
    new JsonObject(),
    new JsonObject().put("a", 1),
    new JsonArray(),
    new JsonArray().addNull(),
    new JsonArray().add(1),
    new JsonArray().add(new JsonArray()),
    new JsonArray().add(new JsonObject().put("at", 1)),
  };

  private final Random random;

  Mutator(long seed) {
    // Seeds that follow each other would begin alike.
    random = new Random(seed * 0x9e3779b97f4a7c15L);
  }

  Random random() {
    return random;
  }

  <T> T oneOf(List<T> all) {
    return all.get(random.nextInt(all.size()));
  }

  /** Lines with their ends, in ISO-8859-1. */
  List<String> mutate(List<String> valid) {
    List<String> lines = new ArrayList<>(valid);
    for (int i = random.nextInt(4); i >= 0 && !lines.isEmpty(); i--) {
      int at = random.nextInt(lines.size());
      int other = random.nextInt(lines.size());
      String line = lines.get(at);
      switch (random.nextInt(9)) {
        case 0 -> lines.remove(at);
        case 1 -> lines.add(other, line);
        case 2 -> {
          lines.set(at, lines.get(other));
          lines.set(other, line);
        }
        case 3 -> lines.set(at, line.substring(0, random.nextInt(line.length() + 1)));
        case 4 -> lines.set(at, flipped(line));
        case 5 -> lines.subList(at, lines.size()).clear();
        default -> lines.set(at, retyped(line));
      }
    }
    return lines;
  }

  private String flipped(String line) {
    byte[] bytes = line.getBytes(ISO_8859_1);
    for (int i = random.nextInt(3); i >= 0 && bytes.length > 0; i--) {
      bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
    }
    return new String(bytes, ISO_8859_1);
  }

  /** One field, if this is an object, has another value. */
  private String retyped(String line) {
    int brace = line.indexOf('{');
    if (brace < 0) {
      return flipped(line);
    }
    try {
      JsonObject object = new JsonObject(line.substring(brace));
      List<String> fields = List.copyOf(object.fieldNames());
      if (fields.isEmpty()) {
        return line;
      }
      object.put(oneOf(fields), VALUES[random.nextInt(VALUES.length)]);
      return line.substring(0, brace) + object.encode() + (line.endsWith("\n") ? "\n" : "");
    } catch (DecodeException e) {
      return flipped(line);
    }
  }
}
