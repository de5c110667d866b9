package io.goagain.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is wrong with a command line is told before anybody is asked. */
class CommandLineTest {

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "status --socket /s --frobnicate | Unknown option: '--frobnicate'",
        "frobnicate | Unmatched argument at index 0: 'frobnicate'",
        "status | Missing required argument (specify one of these): (--socket=PATH | --pid=PID)",
        "status --socket /s --pid 1 | --socket=PATH, --pid=PID are mutually exclusive",
        "status --pid x | Invalid value for option '--pid': 'x' is not a long",
        "status --pid 0 | --pid must be positive, and is 0",
        "status --socket= | --socket must not be empty",
        "status --socket /s --timeout 0 | --timeout must be a number of seconds above 0",
        "stop --socket /s --timeout NaN | --timeout must be a number of seconds above 0",
        "restart --socket /s --wait never | Invalid value for option '--wait'",
        "restart --socket /s --strategy triple | Invalid value for option '--strategy'",
        "restart --socket /s --env =x | --env =x names no variable",
        "restart --socket /s --ready-timeout 0 | --ready-timeout must be positive, and is 0",
        "restart --socket /s --drain-timeout -1 | --drain-timeout must not be negative, and is -1",
        "restart --socket /s java | \"java\" is no option; a command line stands after --",
        "restart --socket /s x -- java | \"x\" is no option; a command line stands after --",
        "restart --socket /s --command a -- java | --command and a command line after -- exclude",
      })
  void isWrong(String line, String sentence) {
    Run run = Run.of(line.split(" "));
    assertTrue(run.err.text().contains(": " + sentence), run.err::text);
    assertTrue(run.err.text().contains("--help'."), run.err::text);
    assertEquals(2, run.run(line.split(" ")));
    assertEquals(List.of(), run.out.all());
  }

  @Test
  void withoutACommand() {
    Run.of()
        .failed(
            2,
            "vertx-goagain: a command is missing: one of [restart, status, history, stop, watch]\n"
                + "Try 'vertx-goagain --help'.");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "restart", "status", "history", "stop", "watch"})
  void helpAndVersion(String command) {
    String[] help = (command + " --help").strip().split(" ");
    assertTrue(Run.of(help).succeeded().out.text().contains("Exit codes:"));
    String[] version = (command + " --version").strip().split(" ");
    assertTrue(Run.of(version).succeeded().out.text().startsWith("vertx-goagain "));
  }
}
