package io.goagain.load;

import java.time.Duration;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Predicate;

/** What became of all requests. Does not change. */
public final class Report {
  private final long startedAt;
  private final List<Sample> samples;
  private final List<String> described;
  private final int idleCloses;
  private final int clients;
  private final int kept;
  private final int reconnects;

  Report(long startedAt, List<Sample> samples, List<String> described, List<Client> clients) {
    this.startedAt = startedAt;
    this.samples = samples;
    this.described = described;
    this.idleCloses = clients.stream().mapToInt(Client::idleCloses).sum();
    int[] connects =
        clients.stream()
            .filter(client -> client.workload().keepsAlive())
            .mapToInt(Client::connects)
            .filter(count -> count > 0)
            .toArray();
    this.clients = connects.length;
    this.kept = (int) Arrays.stream(connects).filter(count -> count == 1).count();
    this.reconnects = Arrays.stream(connects).sum() - connects.length;
  }

  /**
   * Some of the requests.
   *
   * @param requests how many
   * @param failed how many of them were lost
   * @param p50 the median of the others' latency, zero if there are none
   * @param p99 the 99th percentile
   * @param max the longest
   */
  public record Window(int requests, int failed, Duration p50, Duration p99, Duration max) {}

  /** When the load started, as {@link System#nanoTime()}. */
  public long startedAt() {
    return startedAt;
  }

  /** Every request, in the order in which they ended. */
  public List<Sample> samples() {
    return samples;
  }

  /** How many requests have ended, well or not. */
  public int requests() {
    return samples.size();
  }

  /** How many requests of one workload have ended, well or not. */
  public int requests(String workload) {
    return (int) samples.stream().filter(sample -> sample.workload().equals(workload)).count();
  }

  /** How many requests were lost. */
  public int failed() {
    return failures().values().stream().mapToInt(Integer::intValue).sum();
  }

  /** How many requests were lost in each way; ways that did not occur are left out. */
  public Map<Failure, Integer> failures() {
    Map<Failure, Integer> failures = new EnumMap<>(Failure.class);
    for (Sample sample : samples) {
      if (sample.failure() != null) {
        failures.merge(sample.failure(), 1, Integer::sum);
      }
    }
    return failures;
  }

  /** The first few failures of each kind: seconds since the start, kind, workload, port, cause. */
  public List<String> firstFailures() {
    return described;
  }

  /** The requests that are wanted. */
  public Window window(Predicate<Sample> wanted) {
    List<Sample> all = samples.stream().filter(wanted).toList();
    long[] latencies =
        all.stream()
            .filter(sample -> sample.failure() == null)
            .mapToLong(Sample::latency)
            .sorted()
            .toArray();
    return new Window(
        all.size(),
        all.size() - latencies.length,
        percentile(latencies, 50),
        percentile(latencies, 99),
        percentile(latencies, 100));
  }

  /** The requests due, in flight, or overdue between one {@link System#nanoTime()} and another. */
  public Window window(long from, long to) {
    return window(sample -> sample.within(from, to));
  }

  /** The generations that answered, with how many requests each. */
  public SortedMap<Integer, Integer> generations() {
    SortedMap<Integer, Integer> generations = new TreeMap<>();
    for (Sample sample : samples) {
      if (sample.generation() != 0) {
        generations.merge(sample.generation(), 1, Integer::sum);
      }
    }
    return generations;
  }

  /** The processes that answered, in order of their first answer, with how many requests each. */
  public Map<Long, Integer> pids() {
    Map<Long, Integer> pids = new LinkedHashMap<>();
    for (Sample sample : samples) {
      if (sample.pid() != 0) {
        pids.merge(sample.pid(), 1, Integer::sum);
      }
    }
    return pids;
  }

  /** How many connections the server closed cleanly between two requests: no failure. */
  public int idleCloses() {
    return idleCloses;
  }

  /** How many clients that keep their connection alive have been connected. */
  public int keepAliveClients() {
    return clients;
  }

  /** How many of them have had one connection only, with the same local port to the end. */
  public int keptConnections() {
    return kept;
  }

  /** How often one of them connected again, for any reason. */
  public int reconnects() {
    return reconnects;
  }

  /** All of it in a few lines, for the message of a failed assertion. */
  @Override
  public String toString() {
    Window all = window(sample -> true);
    StringBuilder text = new StringBuilder();
    text.append(requests()).append(" requests, ").append(failed()).append(" failed ");
    text.append(failures()).append(", p50 ").append(all.p50().toMillis()).append(" ms, p99 ");
    text.append(all.p99().toMillis()).append(" ms, max ").append(all.max().toMillis());
    text.append(" ms, generations ").append(generations()).append(", pids ").append(pids());
    text.append(", ").append(kept).append(" of ").append(clients).append(" connections kept, ");
    text.append(reconnects).append(" reconnects, ").append(idleCloses).append(" idle closes");
    described.forEach(line -> text.append("\n  ").append(line));
    return text.toString();
  }

  private static Duration percentile(long[] sorted, int percent) {
    if (sorted.length == 0) {
      return Duration.ZERO;
    }
    int rank = (int) Math.ceil(sorted.length * percent / 100.0);
    return Duration.ofNanos(sorted[Math.max(rank, 1) - 1]);
  }
}
