package io.goagain.impl;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class SettlingTest {

  private final Settling settling = new Settling();

  private void window(int answers, long nanos) {
    for (int i = 0; i < answers; i++) {
      settling.answered(nanos);
    }
    settling.windowEnds();
  }

  private void windows(int count, long nanos) {
    for (int i = 0; i < count; i++) {
      window(100, nanos);
    }
  }

  @Test
  void settledWhenWindowsBringNoProgress() {
    window(100, 1_000);
    windows(Settling.WINDOWS - 1, 950);
    assertFalse(settling.isSettled());
    window(100, 1_100);
    assertTrue(settling.isSettled());
  }

  @Test
  void progressBeginsTheCountAnew() {
    windows(Settling.WINDOWS, 1_000);
    windows(Settling.WINDOWS, 800);
    assertFalse(settling.isSettled());
    window(100, 800);
    assertTrue(settling.isSettled());
  }

  @Test
  void slowStepsAreNoPlateau() {
    // A twentieth a window: two of them are a tenth.
    double nanos = 1_000_000;
    for (int i = 0; i < 50; i++) {
      window(50, (long) nanos);
      nanos *= 0.95;
      assertFalse(settling.isSettled());
    }
  }

  @Test
  void tooFewAnswersLastIntoTheNextWindow() {
    for (int i = 0; i < 3; i++) {
      window(Settling.ANSWERS / 2, 1_000);
      assertFalse(settling.isSettled());
    }
    window(Settling.ANSWERS / 2, 1_000);
    windows(Settling.WINDOWS - 2, 1_000);
    assertFalse(settling.isSettled());
    window(Settling.ANSWERS, 1_000);
    assertTrue(settling.isSettled());
  }

  @Test
  void oneOutlierIsNoWindow() {
    for (int i = 0; i <= Settling.WINDOWS; i++) {
      for (int j = 0; j < 30; j++) {
        settling.answered(j % 10 == 0 ? 1_000_000_000 : 1_000);
      }
      settling.windowEnds();
    }
    assertTrue(settling.isSettled());
  }
}
