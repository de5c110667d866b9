package io.goagain.impl.net;

import java.util.List;

/**
 * How a drain went.
 *
 * @param finished connections that ended by themselves or were told to close
 * @param cut connections that were closed at the deadline
 * @param cutDescriptions one line for each of the first few of those: what it was doing
 * @param millis how long it took
 */
public record DrainReport(int finished, int cut, List<String> cutDescriptions, long millis) {

  static final DrainReport NOTHING = new DrainReport(0, 0, List.of(), 0);
}
