package io.goagain.benchmark;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.HdrHistogram.Histogram;

/** All rounds of a variant. */
final class Result {
  private final String name;
  private final List<Round> rounds = new ArrayList<>();
  private String trouble;

  Result(String name) {
    this.name = name;
  }

  String name() {
    return name;
  }

  List<Round> rounds() {
    return rounds;
  }

  /** Why there are no more rounds, or null. */
  String trouble() {
    return trouble;
  }

  void stop(String why) {
    trouble = why;
  }

  /** How often the connections that are kept had to be made again. */
  int reconnects() {
    return rounds.stream().mapToInt(round -> round.kept().reconnects()).sum();
  }

  /** The requests that were lost, steady state and restart together: "1 refused, 2 reset". */
  String lost(Function<Round, Recording> lane) {
    Map<Outcome, Integer> lost = new EnumMap<>(Outcome.class);
    for (Round round : rounds) {
      lane.apply(round)
          .lost(round.steadyFrom(), round.plottedTo())
          .forEach((outcome, count) -> lost.merge(outcome, count, Integer::sum));
    }
    int sum = lost.values().stream().mapToInt(Integer::intValue).sum();
    return sum == 0
        ? "0"
        : lost.entrySet().stream()
            .map(
                entry ->
                    entry.getValue()
                        + " "
                        + entry.getKey().name().toLowerCase(Locale.ROOT).replace('_', ' '))
            .collect(Collectors.joining(", "));
  }

  Latency steady(Function<Round, Recording> lane) {
    Histogram all = Recording.histogram();
    for (Round round : rounds) {
      lane.apply(round).latencies(round.steadyFrom(), round.restart().signalled(), all);
    }
    return Latency.of(all);
  }

  /** From the signal on. */
  Latency restart(Function<Round, Recording> lane) {
    Histogram all = Recording.histogram();
    for (Round round : rounds) {
      lane.apply(round).latencies(round.restart().signalled(), round.countedTo(), all);
    }
    return Latency.of(all);
  }

  /** From ready on. */
  Latency afterReady(Function<Round, Recording> lane) {
    Histogram all = Recording.histogram();
    for (Round round : rounds) {
      lane.apply(round).latencies(round.restart().ready(), round.countedTo(), all);
    }
    return Latency.of(all);
  }

  /** Milliseconds from the signal to ready, the mean of all restarts. */
  double readyMillis() {
    return mean(round -> (round.restart().ready() - round.restart().signalled()) / 1e6);
  }

  /** Seconds of processor for each second of the steady state. */
  double steadyCpu() {
    return mean(
        round ->
            round.usage().cpu(round.steadyFrom(), round.restart().signalled())
                / (Round.STEADY.toNanos() / 1e9));
  }

  /** Seconds of processor from the signal to the end of what counts. */
  double restartCpu() {
    return mean(round -> round.usage().cpu(round.restart().signalled(), round.countedTo()));
  }

  /** Megabytes resident before the signal, at most. */
  double steadyMemory() {
    return max(round -> round.usage().peak(round.steadyFrom(), round.restart().signalled()));
  }

  /** Megabytes resident from the signal on, at most. */
  double restartMemory() {
    return max(round -> round.usage().peak(round.restart().signalled(), round.plottedTo()));
  }

  private double mean(Function<Round, Double> of) {
    return rounds.stream().mapToDouble(of::apply).average().orElse(0);
  }

  private double max(Function<Round, Long> of) {
    return rounds.stream().mapToDouble(of::apply).max().orElse(0) / (1 << 20);
  }
}
