package io.goagain.impl;

import static java.lang.System.Logger.Level.DEBUG;

import io.goagain.impl.posix.Processes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * A predecessor leaves the processors to its successor, for which much is new. Where that cannot be
 * (no procfs, a filter of system calls) it is no error.
 */
final class Courtesy {

  private static final System.Logger LOG = System.getLogger(Courtesy.class.getName());
  private static final int LEAST = 19;
  private static final int NORMAL = 0;

  /** By the numbers that the kernel has for them. */
  private List<Integer> compilers = List.of();

  /** Looks for what there is no time for later. */
  void prepare() {
    compilers = threads(Courtesy::isCompiler);
  }

  /**
   * The code that hands over runs for the first time, and would keep the compilers busy just when
   * the successor begins to serve. Most of what they make is never used.
   */
  void compilersYield() {
    set(compilers, LEAST);
  }

  /**
   * This process is to go on. Without privileges its compilers keep their low priority. Those that
   * were started meanwhile have it from the one that started them.
   */
  static void compilersReturn() {
    set(threads(Courtesy::isCompiler), NORMAL);
  }

  /**
   * Nobody waits for anything here any more: the rest is classes that are loaded to end. Not where
   * others may wait, as a cluster does for who leaves it.
   */
  static void allYield() {
    Thread thread = new Thread(() -> set(threads(name -> true), LEAST), "goagain-courtesy");
    thread.setDaemon(true);
    thread.start();
  }

  /** {@code C1 CompilerThre}, {@code C2 CompilerThre}: proc(5) has 15 characters of a name. */
  private static boolean isCompiler(String name) {
    return name.contains(" Compiler");
  }

  private static List<Integer> threads(Predicate<String> named) {
    List<Integer> found = new ArrayList<>();
    try (Stream<Path> threads = Files.list(Path.of("/proc/self/task"))) {
      for (Path thread : threads.toList()) {
        if (named.test(nameOf(thread))) {
          found.add(Integer.valueOf(thread.getFileName().toString()));
        }
      }
    } catch (IOException e) {
      LOG.log(DEBUG, "the threads of this process are not known", e);
    }
    return found;
  }

  private static String nameOf(Path thread) {
    try {
      return Files.readString(thread.resolve("comm"));
    } catch (IOException e) {
      return ""; // it has ended
    }
  }

  private static void set(List<Integer> threads, int priority) {
    for (int thread : threads) {
      try {
        Processes.nice(thread, priority);
      } catch (IOException e) {
        LOG.log(DEBUG, "the priority of a thread stays as it is", e);
      }
    }
  }
}
