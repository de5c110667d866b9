package io.goagain.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.goagain.RestartOptions;
import io.goagain.RestartStrategy;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class StrategyChoiceTest {

  private static final RestartStrategy SINGLE = RestartStrategy.SINGLE;
  private static final RestartStrategy DOUBLE = RestartStrategy.DOUBLE;

  static Stream<Arguments> processes() {
    Map<String, String> none = Map.of();
    Map<String, String> notify = Map.of("NOTIFY_SOCKET", "/run/systemd/notify");
    Map<String, String> systemd = Map.of("SYSTEMD_EXEC_PID", "100");
    return Stream.of(
        arguments("from a shell", 100, 50, List.of("bash", "-bash"), none, false, SINGLE),
        arguments("in a container", 1, 0, List.of(), none, false, DOUBLE),
        arguments("runit", 100, 50, List.of("runsv", "runsv", "app"), none, false, DOUBLE),
        arguments(
            "supervisord, a Python script",
            100,
            50,
            List.of("supervisord", "python3", "supervisord"),
            none,
            false,
            DOUBLE),
        arguments("s6", 100, 50, List.of("s6-supervise"), none, false, DOUBLE),
        arguments("docker run --init", 7, 1, List.of("docker-init"), none, false, DOUBLE),
        arguments("tini that is not process 1", 9, 7, List.of("tini"), none, false, SINGLE),
        arguments("systemd with notification", 100, 1, List.of("systemd"), notify, false, SINGLE),
        arguments("systemd without", 100, 1, List.of("systemd"), systemd, false, DOUBLE),
        arguments("systemd with a pid file", 100, 1, List.of("systemd"), systemd, true, SINGLE),
        arguments("something under systemd", 101, 100, List.of("sh"), systemd, false, SINGLE),
        arguments("runit with a pid file", 100, 50, List.of("runsv"), none, true, DOUBLE));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("processes")
  void whoWatchesThePidDecides(
      String name,
      long pid,
      long parent,
      List<String> parentNames,
      Map<String, String> environment,
      boolean pidFile,
      RestartStrategy expected) {
    assertEquals(
        expected,
        StrategyChoice.choose(pid, parent, parentNames, environment, pidFile).strategy(),
        name);
  }

  @Test
  void whatIsAskedForIsNotChosen() {
    for (RestartStrategy asked : List.of(SINGLE, DOUBLE)) {
      assertEquals(
          new StrategyChoice(asked, null),
          StrategyChoice.of(new RestartOptions().setStrategy(asked), Map.of("A", "b")));
    }
  }
}
