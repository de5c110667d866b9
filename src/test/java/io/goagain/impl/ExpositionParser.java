package io.goagain.impl;

import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads the text format of Prometheus, and refuses what promtool's "check metrics" refuses; also
 * what that lets pass and a server drops: a series twice, a family in two pieces.
 */
public final class ExpositionParser {

  private static final Pattern NAME = Pattern.compile("[a-zA-Z_:][a-zA-Z0-9_:]*");
  // A label may hold whatever Java takes for the end of a line.
  private static final Pattern SAMPLE =
      Pattern.compile(
          "([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\\{(.*)\\})? "
              + "(NaN|[-+]?Inf|[-+]?(?:[0-9]+(?:\\.[0-9]*)?|\\.[0-9]+)(?:[eE][-+]?[0-9]+)?)"
              + "(?: -?[0-9]+)?",
          Pattern.DOTALL);
  private static final Pattern LABEL =
      Pattern.compile(
          "((?!__)[a-zA-Z_][a-zA-Z0-9_]*)=\"((?:[^\"\\\\]|\\\\[\\\\\"n])*+)\"(?:,|\\z)");
  private static final Pattern HELP_TEXT = Pattern.compile("(?:[^\\\\\r]|\\\\[\\\\n])*+");
  private static final Set<String> TYPES =
      Set.of("counter", "gauge", "histogram", "summary", "untyped");

  private final Map<String, Double> samples = new LinkedHashMap<>();
  private final Set<String> series = new HashSet<>();
  private final Set<String> closed = new HashSet<>();
  private final Set<String> helped = new HashSet<>();
  private final Map<String, String> types = new LinkedHashMap<>();
  private String family;

  private ExpositionParser(String text) {
    if (!text.isEmpty()) {
      require(text.endsWith("\n"), "the last line does not end", text);
      for (String line : text.substring(0, text.length() - 1).split("\n", -1)) {
        line(line);
      }
    }
  }

  /**
   * The samples, by name and labels as they are written.
   *
   * @throws AssertionError for a text that is not clean
   */
  public static Map<String, Double> parse(String text) {
    return new ExpositionParser(text).samples;
  }

  /**
   * The families, by name, with their types.
   *
   * @throws AssertionError for a text that is not clean
   */
  public static Map<String, String> types(String text) {
    return new ExpositionParser(text).types;
  }

  private void line(String line) {
    if (line.startsWith("# HELP ")) {
      help(line, line.split(" ", 4));
    } else if (line.startsWith("# TYPE ")) {
      type(line, line.split(" ", 4));
    } else if (!line.startsWith("#")) {
      sample(line);
    }
  }

  private void help(String line, String[] words) {
    begin(words[2], line);
    require(helped.add(words[2]), "two HELP", line);
    require(words.length == 4 && !words[3].isBlank(), "no help text", line);
    require(HELP_TEXT.matcher(words[3]).matches(), "an escape that is none", line);
  }

  private void type(String line, String[] words) {
    begin(words[2], line);
    require(helped.contains(words[2]), "no HELP before", line);
    require(words.length == 4 && TYPES.contains(words[3]), "no type", line);
    require(types.put(words[2], words[3]) == null, "two TYPE", line);
    require(words[3].equals("counter") == words[2].endsWith("_total"), "_total", line);
    require(!words[2].matches(".*_(count|sum|bucket)"), "the name of a part", line);
  }

  private void begin(String name, String line) {
    require(NAME.matcher(name).matches(), "no name", line);
    if (!name.equals(family)) {
      require(!closed.contains(name), "a family in two pieces", line);
      if (family != null) {
        closed.add(family);
      }
      family = name;
    }
  }

  private void sample(String line) {
    Matcher sample = SAMPLE.matcher(line);
    require(sample.matches(), "no sample", line);
    // Those of histograms and summaries have other names: there are none here.
    require(sample.group(1).equals(family), "not of this family", line);
    require(types.containsKey(family), "no TYPE before", line);
    String written = sample.group(2) == null ? "" : sample.group(2);
    require(series.add(family + labels(written, line)), "a series twice", line);
    samples.put(family + "{" + written + "}", number(sample.group(3)));
  }

  private static Map<String, String> labels(String written, String line) {
    Map<String, String> labels = new TreeMap<>();
    Matcher label = LABEL.matcher(written);
    int end = 0;
    while (label.find(end) && label.start() == end) {
      require(labels.put(label.group(1), label.group(2)) == null, "a label twice", line);
      end = label.end();
      if (end == written.length()) {
        break;
      }
    }
    require(end == written.length(), "labels", line);
    return labels;
  }

  private static double number(String written) {
    return Double.parseDouble(written.replace("Inf", "Infinity"));
  }

  private static void require(boolean clean, String what, String line) {
    if (!clean) {
      throw new AssertionError(what + ": " + line);
    }
  }
}
