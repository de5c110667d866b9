package io.goagain.impl;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.goagain.ArchiveMode;
import io.goagain.RestartOptions;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/**
 * The class-data archives of this program: a process makes one while it serves, and its successors
 * start from it. An archive is {@code PROGRAM-KEY-QUALITY-CHECKSUM.jsa}; what does not match its
 * name is not used. Its methods block, and fail never: without an archive a start is a plain one.
 */
final class Archives {

  static final String FLAG = "-XX:SharedArchiveFile=";

  /** Tells a process which archive it was started from; its command line has the flag for that. */
  static final String VARIABLE = "GOAGAIN_ARCHIVE";

  /**
   * The allocator of Netty has events for Flight Recorder. To register them takes a tenth of a
   * second, a fifth of a start from an archive, whether there ever is a recording or not.
   */
  private static final String ALLOCATOR_EVENTS = "-Dio.netty.jfr.enabled=";

  /** Tells a process which value of that has been put on its command line. */
  private static final String EVENTS_VARIABLE = "GOAGAIN_ALLOCATOR_EVENTS";

  /** The same for the list of its classes, which it is to write. */
  private static final String LIST_VARIABLE = "GOAGAIN_CLASS_LIST";

  private static final String LIST_FLAG = "-XX:DumpLoadedClassList=";
  private static final String LIST_SUFFIX = ".classlist";

  /** What may be on the command line of a successor, by the variables that say so. */
  private static final Map<String, String> OWN_FLAGS =
      Map.of(VARIABLE, FLAG, EVENTS_VARIABLE, ALLOCATOR_EVENTS, LIST_VARIABLE, LIST_FLAG);

  /** A list whose process has served, and has handed over. */
  private static final String WHOLE_SUFFIX = ".wholelist";

  /** How much of what a process does is in an archive. The best one first. */
  enum Quality {
    /** A process has listed all that it loaded, up to its end: also how it hands over. */
    COMPLETE,
    /** A process has listed what it loaded until it served. */
    FULL,
    /** What a process that lists nothing can tell afterwards: that leaves out lambdas. */
    BASIC;

    private String text() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private static final System.Logger LOG = System.getLogger(Archives.class.getName());
  private static final String SUFFIX = ".jsa";
  private static final String UNFINISHED = ".tmp";
  private static final int KEPT = 2;
  private static final Duration LISTS_ARE_READ = Duration.ofHours(1);
  static final List<String> JVM_VARIABLES =
      List.of("CLASSPATH", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS");

  private final RestartOptions options;
  private final Launch launch;
  private boolean known;
  private Path directory;
  private List<String> flags;

  /** What was found to match its name, and was not touched since. */
  private final Map<Path, Object> verified = new ConcurrentHashMap<>();

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
      flags = JvmFlags.of(launch);
      String obstacle = ArchiveKey.obstacle(flags);
      if (obstacle == null) {
        directory = ArchiveDirectory.find(options, launch);
      } else if (options.getArchiveDirectory() != null) {
        LOG.log(INFO, "no archive is kept: the JVM was started with {0}", obstacle);
      }
    } catch (IOException e) {
      LOG.log(WARNING, "no archive is kept: {0}", e.getMessage());
    }
  }

  /** What {@link #applyTo} has put on the command line of this process. */
  static List<String> ownFlags() {
    List<String> own = new ArrayList<>();
    OWN_FLAGS.forEach(
        (variable, flag) -> {
          if (System.getenv(variable) != null) {
            own.add(flag + System.getenv(variable));
          }
        });
    return own;
  }

  /** The classes that this process has loaded, or null if it was not told to list them. */
  static Path ownList() {
    String list = System.getenv(LIST_VARIABLE);
    return list == null ? null : Path.of(list);
  }

  /** Of no use: there is a complete archive, or nothing is to come after this process. */
  static void removeOwnList() {
    try {
      if (ownList() != null) {
        Files.deleteIfExists(ownList());
      }
    } catch (IOException e) {
      LOG.log(WARNING, "could not remove {0}: {1}", ownList(), e);
    }
  }

  /** To whoever serves after this process. The JVM goes on writing it. */
  static void leaveOwnList() {
    try {
      if (ownList() != null && Files.exists(ownList())) {
        Files.move(ownList(), Path.of(ownList() + WHOLE_SUFFIX), StandardCopyOption.ATOMIC_MOVE);
      }
    } catch (IOException e) {
      LOG.log(WARNING, "could not leave {0}: {1}", ownList(), e);
    }
  }

  /** What a process before this one has left, or null. */
  Path wholeList(ArchiveKey key) throws IOException {
    return matching(prefix(key)).stream()
        .filter(file -> file.toString().endsWith(WHOLE_SUFFIX))
        .findFirst()
        .orElse(null);
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

  /** The same command, from an archive if there is one for it, or with what makes a full one. */
  NextCommand applyTo(NextCommand next) {
    try {
      if (!areKept() || !isThisProgram(next)) {
        return next;
      }
      ArchiveKey key = key();
      Path archive = null;
      for (Quality quality : Quality.values()) {
        archive = archive != null ? archive : find(key, quality);
      }
      NextCommand command = next;
      if (archive != null) {
        LOG.log(INFO, "the next generation starts from {0}", archive);
        command = with(command, VARIABLE, archive.toString());
        if (flags.stream().noneMatch(flag -> flag.startsWith(ALLOCATOR_EVENTS))) {
          command = with(command, EVENTS_VARIABLE, "false");
        }
      }
      if (!has(key, Quality.COMPLETE) && ownList() == null) {
        String unique = Long.toHexString(System.nanoTime());
        String list = directory.resolve(prefix(key) + unique + LIST_SUFFIX).toString();
        command = with(command, LIST_VARIABLE, list);
      }
      return command;
    } catch (IOException e) {
      LOG.log(WARNING, "the next generation starts without an archive: {0}", e.toString());
      return next;
    }
  }

  private static NextCommand with(NextCommand command, String variable, String value) {
    return command.with(OWN_FLAGS.get(variable) + value, variable, value);
  }

  /** Ahead of the restart that would otherwise wait for that. */
  void verify(ArchiveKey key) throws IOException {
    for (Quality quality : Quality.values()) {
      find(key, quality);
    }
  }

  /** Whether there is one for what is on disk now that is as good. */
  boolean has(ArchiveKey key, Quality quality) throws IOException {
    List<String> as =
        Stream.of(Quality.values())
            .filter(other -> other.compareTo(quality) <= 0)
            .map(other -> prefix(key, other))
            .toList();
    return matching(prefix(key)).stream()
        .map(file -> file.getFileName().toString())
        .anyMatch(name -> name.endsWith(SUFFIX) && as.stream().anyMatch(name::startsWith));
  }

  ArchiveKey key() throws IOException {
    return ArchiveKey.of(launch, flags);
  }

  /** Of the JVM, without those that {@link #applyTo} has added. */
  List<String> flags() {
    return flags;
  }

  /** For whoever is told that something could not be written. */
  String space() throws IOException {
    return "%s has %d MB of free space"
        .formatted(directory, Files.getFileStore(directory).getUsableSpace() >> 20);
  }

  /** Where an archive is written before it has its name. */
  Path unfinished(ArchiveKey key) {
    return directory.resolve(prefix(key) + ProcessHandle.current().pid() + UNFINISHED);
  }

  /** Gives it its name, and removes what is too old, or not as good. */
  Path finish(Path unfinished, ArchiveKey key, Quality quality) throws IOException {
    Path archive = directory.resolve(prefix(key, quality) + checksum(unfinished) + SUFFIX);
    Files.move(unfinished, archive, StandardCopyOption.ATOMIC_MOVE);
    verified.put(archive, state(archive));
    prune(key, archive);
    return archive;
  }

  private void prune(ArchiveKey key, Path newest) throws IOException {
    List<Path> others = new ArrayList<>();
    for (Path file : matching(key.program() + "-")) {
      String name = file.getFileName().toString();
      if (name.endsWith(SUFFIX) && !file.equals(newest)) {
        if (name.startsWith(prefix(key))) {
          Files.deleteIfExists(file);
        } else {
          others.add(file);
        }
      } else if (name.endsWith(WHOLE_SUFFIX)
          || (name.contains(UNFINISHED) && !isBeingWritten(name))
          || (name.endsWith(LIST_SUFFIX) && isOld(file))) {
        Files.deleteIfExists(file);
      }
    }
    others.sort(Comparator.comparing(Archives::modified).reversed());
    for (Path old : others.subList(Math.min(KEPT - 1, others.size()), others.size())) {
      Files.deleteIfExists(old);
    }
  }

  private static boolean isOld(Path list) {
    return modified(list).toInstant().isBefore(Instant.now().minus(LISTS_ARE_READ));
  }

  /** The JVM makes files beside it whose names are longer. */
  private static boolean isBeingWritten(String name) {
    int end = name.indexOf(UNFINISHED);
    String pid = name.substring(name.lastIndexOf('-', end) + 1, end);
    return pid.matches("\\d{1,9}") && ProcessHandle.of(Long.parseLong(pid)).isPresent();
  }

  private static FileTime modified(Path file) {
    try {
      return Files.getLastModifiedTime(file);
    } catch (IOException e) {
      return FileTime.fromMillis(0); // it is gone
    }
  }

  private static String prefix(ArchiveKey key) {
    return key.program() + "-" + key.key() + "-";
  }

  private static String prefix(ArchiveKey key, Quality quality) {
    return prefix(key) + quality.text() + "-";
  }

  private List<Path> matching(String prefix) throws IOException {
    try (Stream<Path> all = Files.list(directory)) {
      return all.filter(file -> file.getFileName().toString().startsWith(prefix)).toList();
    }
  }

  private Path find(ArchiveKey key, Quality quality) throws IOException {
    for (Path archive : matching(prefix(key, quality))) {
      if (!archive.toString().endsWith(SUFFIX)) {
        continue;
      }
      try {
        Object state = state(archive);
        if (state.equals(verified.get(archive))) {
          return archive;
        }
        String name = prefix(key, quality) + checksum(archive) + SUFFIX;
        if (archive.endsWith(name)) {
          verified.put(archive, state);
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

  /** No write leaves the time of the last change as it was: inode(7). */
  private static Object state(Path file) throws IOException {
    return Files.readAttributes(file, "unix:ino,ctime,size");
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
