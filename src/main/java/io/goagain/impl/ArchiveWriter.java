package io.goagain.impl;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.goagain.impl.Archives.Quality;
import io.goagain.impl.posix.Processes;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.management.JMException;
import javax.management.ObjectName;
import javax.management.RuntimeMBeanException;

/**
 * Has the JVM archive the classes that this process has loaded: a child of it does the work, at the
 * lowest priority, while this process serves and no restart is under way. So nothing waits for it,
 * and a process that executes its next image leaves an archive too.
 */
final class ArchiveWriter {

  /** Until a process that serves has done all that it does often. */
  static final long DELAY_MILLIS = Long.getLong("goagain.archive.delay", 15_000);

  private static final System.Logger LOG = System.getLogger(ArchiveWriter.class.getName());
  private static final int LOWEST = 19;

  /** What a JVM says at the end is what went wrong. */
  private static final int SAID = 300;

  /** Begins a line about what was linked in the class before. */
  private static final String LINKED = "\n@cp ";

  private static final Pattern MODULES =
      Pattern.compile("(--add-|--enable-native-access|--module-path|-p$).*");

  /** A child would open the same port. */
  private static final String MANAGEMENT = "-Dcom.sun.management";

  private final Archives archives;
  private Path unfinished;
  private Process child;
  private boolean cancelled;
  private boolean begun;

  ArchiveWriter(Archives archives) {
    this.archives = archives;
  }

  /** Makes one, if there is none, on a thread of its own. Once in a process. */
  synchronized void begin() {
    if (begun) {
      return;
    }
    begun = true;
    Thread writer = new Thread(this::run, "goagain-archive");
    writer.setDaemon(true);
    writer.start();
  }

  /** A restart or a stop has precedence. */
  synchronized void cancel() {
    if (unfinished == null) {
      return;
    }
    cancelled = true;
    killChild();
  }

  private void killChild() {
    if (child != null) {
      child.destroyForcibly();
      return;
    }
    String flag = Archives.FLAG + unfinished;
    ProcessHandle.current()
        .children()
        .filter(
            process ->
                process
                    .info()
                    .arguments()
                    .map(words -> Stream.of(words).anyMatch(word -> word.startsWith(flag)))
                    .orElse(false))
        .forEach(ProcessHandle::destroyForcibly);
  }

  private void run() {
    try {
      if (archives.areKept()) {
        Processes.nice(LOWEST); // children inherit it
        make(archives.key());
      }
    } catch (IOException | JMException | RuntimeException | LinkageError e) {
      if (isCancelled()) {
        LOG.log(INFO, "no archive was made: a restart or a stop came first");
      } else {
        LOG.log(WARNING, "no archive was made for the next generation: {0}", reason(e));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // which nobody does
    }
  }

  /** What the JVM says comes wrapped. */
  private static String reason(Throwable failure) {
    Throwable reason = failure;
    while (reason.getCause() != null) {
      reason = reason.getCause();
    }
    return reason.getMessage() == null ? reason.toString() : reason.getMessage();
  }

  private synchronized boolean isCancelled() {
    return cancelled;
  }

  private void make(ArchiveKey key) throws IOException, JMException, InterruptedException {
    if (archives.has(key, Quality.COMPLETE)) {
      Archives.removeOwnList();
      archives.verify(key);
      return;
    }
    Path whole = archives.wholeList(key);
    Path list = whole != null ? whole : Archives.ownList();
    Quality quality =
        whole != null ? Quality.COMPLETE : list != null ? Quality.FULL : Quality.BASIC;
    if (archives.has(key, quality)) {
      archives.verify(key);
      return;
    }
    long begin = System.nanoTime();
    Path target = archives.unfinished(key);
    synchronized (this) {
      unfinished = target;
    }
    Path archive;
    try {
      String said = list != null ? fromList(list, target) : fromWhatIsLoaded(target);
      archive = finish(target, key, quality, said);
    } finally {
      removeWhatIsLeft(target);
      synchronized (this) {
        unfinished = null;
      }
    }
    LOG.log(
        INFO,
        "the next generation will start from {0}, made in {1} ms",
        archive,
        Long.toString((System.nanoTime() - begin) / 1_000_000));
  }

  private synchronized Path finish(Path target, ArchiveKey key, Quality quality, String said)
      throws IOException {
    if (cancelled || !Files.exists(target)) {
      throw new IOException(
          "the JVM wrote no %s: %s; %s".formatted(target, said, archives.space()));
    }
    return archives.finish(target, key, quality);
  }

  /** The JVM lists its classes, and has a child write the archive. */
  private static String fromWhatIsLoaded(Path target) throws JMException {
    try {
      Object said =
          ManagementFactory.getPlatformMBeanServer()
              .invoke(
                  new ObjectName("com.sun.management:type=DiagnosticCommand"),
                  "vmCds",
                  new Object[] {new String[] {"static_dump", target.toString()}},
                  new String[] {String[].class.getName()});
      return String.valueOf(said);
    } catch (RuntimeMBeanException e) {
      // It names files for more detail, which are removed.
      return "its child could not";
    }
  }

  private String fromList(Path loaded, Path target) throws IOException, InterruptedException {
    Path list = target.resolveSibling(target.getFileName() + ".list");
    String listed = Files.readString(loaded);
    // A JVM may go on writing it: the last line may be half of one.
    Files.writeString(list, listed.substring(0, listed.lastIndexOf('\n') + 1));
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    archives.flags().stream().filter(flag -> !flag.startsWith(MANAGEMENT)).forEach(command::add);
    if (canBeLinked(listed)) {
      command.add("-XX:+AOTClassLinking");
    }
    command.addAll(
        List.of(
            "-Xshare:dump",
            "-XX:SharedClassListFile=" + list,
            Archives.FLAG + target,
            "-cp",
            System.getProperty("java.class.path")));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().keySet().removeAll(Archives.JVM_VARIABLES);
    Process process;
    synchronized (this) {
      if (cancelled) {
        return "";
      }
      process = builder.start();
      child = process;
    }
    String said = new String(process.getInputStream().readAllBytes(), UTF_8);
    int code = process.waitFor();
    return "exit code " + code + ", " + said.substring(Math.max(0, said.length() - SAID));
  }

  /**
   * Whether classes can be archived as they are when they are linked, with their lambdas: JEP 483.
   * The list has to say what was linked, which its process adds at its end; otherwise lambdas would
   * be left out, which costs more than links save. A JVM takes such an archive only with the
   * modules of its making.
   */
  private boolean canBeLinked(String listed) {
    return Runtime.version().feature() >= 25
        && listed.contains(LINKED)
        && archives.flags().stream().noneMatch(flag -> MODULES.matcher(flag).matches());
  }

  /** The JVM keeps what its child has printed in the working directory, by the child's pid. */
  private static void removeWhatIsLeft(Path target) throws IOException {
    String name = target.getFileName().toString();
    try (Stream<Path> left = Files.list(target.getParent())) {
      for (Path file : left.filter(f -> f.getFileName().toString().startsWith(name)).toList()) {
        Files.deleteIfExists(file);
      }
    }
    try (Stream<Path> here = Files.list(Path.of(System.getProperty("user.dir")))) {
      List<Path> printed =
          here.filter(f -> f.getFileName().toString().matches("java_pid\\d+_std(out|err)"))
              .toList();
      for (Path file : printed) {
        if (Files.readString(file).contains(target.toString())) {
          Files.deleteIfExists(file);
        }
      }
    }
  }
}
