package io.goagain.examples;

import io.goagain.examples.cluster.ClusterExample;
import io.goagain.examples.cluster.ClusterRestart;
import io.goagain.examples.doubled.DoubleExample;
import io.goagain.examples.handover.HandoverExample;
import io.goagain.examples.single.Single;
import io.goagain.examples.takeover.TakeoverExample;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/** Runs one of the examples: {@code java -jar goagain-examples.jar NAME [--option value] ...}. */
public final class Examples {

  private interface Example {
    void run(Arguments arguments);
  }

  private static final Map<String, Example> EXAMPLES =
      new TreeMap<>(
          Map.of(
              "cluster", ClusterExample::run,
              "cluster-restart", ClusterRestart::run,
              "single", Single::run,
              "double", DoubleExample::run,
              "handover", HandoverExample::run,
              "takeover", TakeoverExample::run));

  private Examples() {}

  /** The first argument is the name of the example. */
  public static void main(String[] args) {
    Example example = args.length == 0 ? null : EXAMPLES.get(args[0]);
    if (example == null) {
      System.err.println(
          "usage: java -jar goagain-examples.jar NAME [--option value] ...; NAME is one of "
              + EXAMPLES.keySet());
      System.exit(2);
      return;
    }
    try {
      example.run(new Arguments(Arrays.asList(args).subList(1, args.length)));
    } catch (IllegalArgumentException e) {
      System.err.println(args[0] + ": " + e.getMessage());
      System.exit(2);
    } catch (UncheckedIOException e) {
      System.err.println(args[0] + ": " + e.getMessage());
      System.exit(1);
    }
  }
}
