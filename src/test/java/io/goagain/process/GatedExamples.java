package io.goagain.process;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.goagain.Generation;
import java.io.BufferedReader;
import java.io.FileReader;
import java.util.Arrays;

/**
 * The examples, which one generation begins with a line that it reads from a FIFO: a JVM that takes
 * signals already, and does not serve yet. Runs in processes under test.
 */
public final class GatedExamples {
  private GatedExamples() {}

  /** The generation, the path of the FIFO, and what the examples are given. */
  public static void main(String[] args) throws Exception {
    if (Generation.current().number() == Integer.parseInt(args[0])) {
      System.out.println("waits at the gate");
      try (BufferedReader gate = new BufferedReader(new FileReader(args[1], US_ASCII))) {
        System.out.println("went through the gate: " + gate.readLine());
      }
    }
    // The tests are not compiled with the examples.
    Object examples = Arrays.copyOfRange(args, 2, args.length);
    Class.forName("io.goagain.examples.Examples")
        .getMethod("main", String[].class)
        .invoke(null, examples);
  }

  /** Where this class is. */
  static String classPath() {
    return GatedExamples.class.getProtectionDomain().getCodeSource().getLocation().getPath();
  }
}
