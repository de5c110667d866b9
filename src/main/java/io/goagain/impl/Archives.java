package io.goagain.impl;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.goagain.ArchiveMode;
import io.goagain.RestartOptions;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/**
 * The class-data archives of this program: a process makes one while it serves, and its successors
 * start from it. An archive is {@code PROGRAM-KEY-CHECKSUM.jsa}; what does not match its name is
 * not used. Its methods block, and fail never: without an archive a start is a plain one.
 */
final class Archives {

  static final String FLAG = "-XX:SharedArchiveFile=";

  /** Tells a process which archive it was started from; its command line has the flag for that. */
  static final String VARIABLE = "GOAGAIN_ARCHIVE";

  private static final System.Logger LOG = System.getLogger(Archives.class.getName());
  private static final String SUFFIX = ".jsa";
  private static final String UNFINISHED = ".tmp";
  private static final int KEPT = 2;
  private static final List<String> JVM_VARIABLES =
      List.of("CLASSPATH", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS");

  private final RestartOptions options;
  private final Launch launch;
  private boolean known;
  private Path directory;
  private List<String> flags;

  Archives(RestartOptions options, Launch launch) {
    this.options = options;
    this.launch = launch;
  }

  /** Whether there are any to be; found out once, and not while the process starts. */
  synchronized boolean areKept() {
    if (!known) {
      known = true;
      look();
    }
    return directory != null;
  }

  private void look() {
    if (options.getArchive() == ArchiveMode.OFF || launch.arguments().isEmpty()) {
      return;
    }
    try {
      Path found = ArchiveDirectory.find(options, launch);
      flags = ArchiveKey.flags();
      String obstacle = ArchiveKey.obstacle(flags);
      if (found != null && obstacle != null) {
        LOG.log(INFO, "no archive is kept: the JVM was started with {0}", obstacle);
        return;
      }
      directory = found;
    } catch (IOException e) {
      LOG.log(WARNING, "no archive is kept: {0}", e.getMessage());
    }
  }

  /** What {@link #applyTo} has put on the command line of this process, or null. */
  static String ownFlag() {
    String archive = System.getenv(VARIABLE);
    return archive == null ? null : FLAG + archive;
  }

  /** The JVM says nothing when it does without: so somebody else has to. */
  static void checkOwn() {
    String archive = System.getenv(VARIABLE);
    if (archive == null) {
      return;
    }
    try (Stream<String> mappings = Files.lines(Path.of("/proc/self/maps"))) {
      if (mappings.anyMatch(mapping -> mapping.endsWith(archive))) {
        return;
      }
      LOG.log(
          WARNING,
          "the JVM has rejected the archive {0}: this start was a plain one; the archive is removed",
          archive);
      Files.deleteIfExists(Path.of(archive));
    } catch (IOException e) {
      LOG.log(WARNING, "whether the archive {0} is used is not known: {1}", archive, e);
    }
  }

  /** The same command, from an archive if there is one for it. */
  NextCommand applyTo(NextCommand next) {
    try {
      Path archive = areKept() && isThisProgram(next) ? find(key()) : null;
      if (archive == null) {
        return next;
      }
      LOG.log(INFO, "the next generation starts from {0}", archive);
      return next.with(FLAG + archive, VARIABLE, archive.toString());
    } catch (IOException e) {
      LOG.log(WARNING, "the next generation starts without an archive: {0}", e);
      return next;
    }
  }

  /** Whether there is one for what is on disk now. */
  boolean has(ArchiveKey key) throws IOException {
    return !matching(name(key)).isEmpty();
  }

  ArchiveKey key() throws IOException {
    return ArchiveKey.of(launch, flags);
  }

  /** Where an archive is written before it has its name. */
  Path unfinished(ArchiveKey key) {
    return directory.resolve(name(key) + ProcessHandle.current().pid() + UNFINISHED);
  }

  /** Gives it its name, and removes what is too old. */
  Path finish(Path unfinished, ArchiveKey key) throws IOException {
    Path archive = directory.resolve(name(key) + checksum(unfinished) + SUFFIX);
    Files.move(unfinished, archive, StandardCopyOption.ATOMIC_MOVE);
    prune(key);
    return archive;
  }

  private void prune(ArchiveKey key) throws IOException {
    for (Path left : matching(key.program() + "-")) {
      if (left.toString().endsWith(UNFINISHED) && !isBeingWritten(left)) {
        Files.deleteIfExists(left);
      }
    }
    List<Path> all =
        matching(key.program() + "-").stream()
            .filter(file -> file.toString().endsWith(SUFFIX))
            .sorted(Comparator.comparing(Archives::modified).reversed())
            .toList();
    for (Path old : all.subList(Math.min(KEPT, all.size()), all.size())) {
      Files.deleteIfExists(old);
    }
  }

  private static boolean isBeingWritten(Path unfinished) {
    String name = unfinished.getFileName().toString();
    String pid = name.substring(name.lastIndexOf('-') + 1, name.length() - UNFINISHED.length());
    return pid.matches("\\d{1,9}") && ProcessHandle.of(Long.parseLong(pid)).isPresent();
  }

  private static FileTime modified(Path file) {
    try {
      return Files.getLastModifiedTime(file);
    } catch (IOException e) {
      return FileTime.fromMillis(0); // it is gone
    }
  }

  private static String name(ArchiveKey key) {
    return key.program() + "-" + key.key() + "-";
  }

  private List<Path> matching(String prefix) throws IOException {
    try (Stream<Path> all = Files.walk(directory, 1, new FileVisitOption[0])) {
      return all.filter(file -> file.getFileName().toString().startsWith(prefix)).toList();
    }
  }

  private Path find(ArchiveKey key) throws IOException {
    for (Path archive : matching(name(key))) {
      if (!archive.toString().endsWith(SUFFIX)) {
        continue;
      }
      try {
        if (archive.getFileName().toString().equals(name(key) + checksum(archive) + SUFFIX)) {
          return archive;
        }
        LOG.log(
            WARNING,
            "the archive {0} is damaged, and removed: the next generation starts without it",
            archive);
        Files.deleteIfExists(archive);
      } catch (IOException e) {
        LOG.log(
            WARNING,
            "the archive {0} cannot be read: the next generation starts without it: {1}",
            archive,
            e);
      }
    }
    return null;
  }

  private static String checksum(Path file) throws IOException {
    CRC32C checksum = new CRC32C();
    try (FileChannel channel = FileChannel.open(file)) {
      ByteBuffer piece = ByteBuffer.allocateDirect(1 << 20);
      while (channel.read(piece) >= 0) {
        checksum.update(piece.flip());
        piece.clear();
      }
    }
    return "%08x".formatted(checksum.getValue());
  }

  /** An archive is for the command of this process, run by the launcher that runs it. */
  private boolean isThisProgram(NextCommand next) throws IOException {
    return next.arguments().equals(launch.arguments())
        && next.workingDirectory().equals(launch.workingDirectory())
        && JVM_VARIABLES.stream()
            .allMatch(
                name ->
                    launch
                        .environment()
                        .getOrDefault(name, "")
                        .equals(next.environment().getOrDefault(name, "")))
        && Path.of(next.workingDirectory())
            .resolve(next.path())
            .toRealPath()
            .equals(Path.of("/proc/self/exe").toRealPath());
  }
}
