package io.goagain.impl.posix;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * What a test may have left open: whatever has no path (sockets, pipes, epoll), programs, and files
 * of temporary directories. Jars, class files, and what tells the limits of its container, the JVM
 * opens and closes when it likes.
 */
public final class OpenDescriptors {

  private static final Pattern OF_TESTS = Pattern.compile("[^/].*|/(usr/)?bin/.*|.*/junit.*");

  private OpenDescriptors() {}

  /** The numbers, each with what it stands for, proc_pid_fd(5). */
  public static SortedMap<Integer, String> now() throws IOException {
    SortedMap<Integer, String> open = new TreeMap<>();
    for (int fd : Descriptors.open()) {
      try {
        String link = Files.readSymbolicLink(Path.of("/proc/self/fd/" + fd)).toString();
        if (OF_TESTS.matcher(link).matches()) {
          open.put(fd, link);
        }
      } catch (NoSuchFileException closedSince) {
        // By another thread: it is not open.
      }
    }
    return open;
  }
}
