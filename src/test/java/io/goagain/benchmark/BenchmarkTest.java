package io.goagain.benchmark;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;

/** What the benchmark computes, without servers. */
class BenchmarkTest {

  @Test
  void anAnswerIsWholeWithItsLastByte() {
    String text = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n";
    for (int i = 0; i < text.length(); i++) {
      assertFalse(Answer.isWhole(buffer(text.substring(0, i))), text.substring(0, i));
    }
    assertTrue(Answer.isWhole(buffer(text)));
    assertEquals(200, Answer.status(buffer(text)));
    assertTrue(Answer.closes(buffer(text)));
    assertFalse(Answer.closes(buffer("HTTP/1.1 200 OK\r\nconnection: keep-alive\r\n\r\n")));
  }

  @Test
  void aRequestBelongsToTheSpanInWhichItWasDue() {
    Recording recording = new Recording(10);
    recording.add(millis(9), millis(10), Outcome.ANSWERED);
    recording.add(millis(10), millis(1010), Outcome.ANSWERED);
    recording.add(millis(19), millis(30), Outcome.RESET);
    recording.add(millis(20), millis(21), Outcome.REFUSED);
    Histogram latencies = Recording.histogram();
    recording.latencies(millis(10), millis(20), latencies);
    assertEquals(1, latencies.getTotalCount());
    assertEquals(1000, Latency.of(latencies).max(), 1);
    assertEquals(Map.of(Outcome.RESET, 1), recording.lost(millis(10), millis(20)));
  }

  @Test
  void bucketsCoverTheLanesTogether() {
    Recording one = new Recording(10);
    Recording other = new Recording(10);
    one.add(millis(1), millis(2), Outcome.ANSWERED);
    other.add(millis(2), millis(6), Outcome.ANSWERED);
    other.add(millis(12), millis(13), Outcome.CLOSED);
    List<Bucket> buckets = Bucket.of(List.of(one, other), 0, millis(25), millis(10));
    assertEquals(2, buckets.size());
    assertEquals(2, buckets.get(0).answered());
    assertEquals(4, buckets.get(0).max(), 0.1);
    assertEquals(0, buckets.get(0).lost());
    assertEquals(0, buckets.get(1).answered());
    assertEquals(1, buckets.get(1).lost());
  }

  @Test
  void theScaleOfThePlotIsLogarithmic() {
    double decade = Plot.y(1) - Plot.y(10);
    assertEquals(decade, Plot.y(10) - Plot.y(100), 1e-9);
    assertEquals(Plot.y(0.1), Plot.y(0), 1e-9);
    assertEquals(0, Plot.y(10_000), 1e-9);
    assertEquals(0, Plot.y(60_000), 1e-9);
  }

  @Test
  void latencyIsWrittenWithTheDigitsThatCount() {
    assertEquals("0.17 / 9.99 / 12.3 / 1234", new Latency(0.171, 9.99, 12.34, 1234.4).toString());
  }

  @Test
  void aVariantWithoutRoundsIsNotInTheTables() {
    Result result = new Result("broken");
    result.stop("it broke");
    String text = Markdown.of("conditions", List.of(result));
    assertFalse(text.contains("| broken"), text);
    assertTrue(text.contains("broken: it broke"), text);
    assertTrue(Plot.of(List.of(result)).startsWith("<svg "));
  }

  private static ByteBuffer buffer(String text) {
    // As after a read: the position is behind what has come.
    return ByteBuffer.allocate(4096).put(text.getBytes(US_ASCII));
  }

  private static long millis(long millis) {
    return millis * 1_000_000;
  }
}
