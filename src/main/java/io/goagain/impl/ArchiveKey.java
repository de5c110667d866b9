package io.goagain.impl;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import java.util.jar.Manifest;

/**
 * What an archive is good for: this very JDK, these very files, these flags. The JVM looks at most
 * of it too, but an archive that it would reject need not be tried.
 *
 * @param program the same for all versions of a program on this machine
 * @param key another one whenever a file, a flag or the JDK is another one
 */
record ArchiveKey(String program, String key) {

  private static final List<String> PROPERTIES =
      List.of("java.vm.name", "java.vm.vendor", "java.vm.version", "java.home");

  /**
   * Threads that are there from the start, of G1, Parallel and G1, ZGC, Shenandoah; else Serial.
   */
  private static final List<String> COLLECTORS =
      List.of("G1 Main", "GC Thread", "ZD", "Shenandoah");

  /** Flags that choose an archive, that an archive does not go with, or that its making would. */
  private static final List<String> OBSTACLES =
      List.of(
          "-Xshare",
          "-XX:SharedArchiveFile",
          "-XX:SharedClassListFile",
          "-XX:ArchiveClassesAtExit",
          "-XX:DumpLoadedClassList",
          "-XX:+AutoCreateSharedArchive",
          "-XX:+RecordDynamicDumpInfo",
          "-XX:-UseSharedSpaces",
          "-XX:AOT",
          "-XX:+AOT",
          "-XX:StartFlightRecording",
          "-XX:LogFile",
          "-Xloggc",
          "-Xlog",
          "-javaagent",
          "-agentlib",
          "-agentpath",
          "@",
          "--patch-module",
          "--upgrade-module-path",
          "--limit-modules");

  /**
   * What the manifests of jars add to the class path, by the jars' facts: a restart waits for it.
   */
  private static final Map<String, String> CLASS_PATHS = new ConcurrentHashMap<>();

  /** Found once: a process keeps its collector. */
  private static volatile Set<String> collector;

  /** The flag for which there is no archive, or null. */
  static String obstacle(List<String> flags) {
    return flags.stream()
        .filter(flag -> OBSTACLES.stream().anyMatch(flag::startsWith))
        .findFirst()
        .orElse(null);
  }

  /**
   * Of what is on disk now.
   *
   * @throws IOException if something of it is not there, or cannot be in an archive
   */
  static ArchiveKey of(Launch launch, List<String> flags) throws IOException {
    List<String> parts = new ArrayList<>(launch.arguments());
    parts.add(launch.workingDirectory());
    String program = digest(parts, 4);
    parts.addAll(flags);
    for (String property : PROPERTIES) {
      parts.add(System.getProperty(property));
    }
    parts.add(facts(Path.of(System.getProperty("java.home"), "lib", "modules")));
    parts.addAll(collector());
    Path here = Path.of(launch.workingDirectory());
    for (String property : List.of("java.class.path", "jdk.module.path")) {
      for (String entry : System.getProperty(property, "").split(File.pathSeparator, -1)) {
        if (!entry.isEmpty()) {
          addJar(here.resolve(entry), parts);
        }
      }
    }
    return new ArchiveKey(program, digest(parts, 8));
  }

  /** As the threads of HotSpot's collectors tell: proc_pid_comm(5). */
  private static Set<String> collector() throws IOException {
    if (collector != null) {
      return collector;
    }
    Set<String> signs = new TreeSet<>();
    try (DirectoryStream<Path> threads = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
      for (Path thread : threads) {
        String name = name(thread);
        COLLECTORS.stream().filter(name::startsWith).forEach(signs::add);
      }
    }
    collector = signs;
    return signs;
  }

  private static String name(Path thread) {
    try {
      return Files.readString(thread.resolve("comm"), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return ""; // it has ended: collectors' do not
    }
  }

  private static void addJar(Path jar, List<String> parts) throws IOException {
    if (!Files.exists(jar)) {
      parts.add(jar + " is missing");
      return;
    }
    if (Files.isDirectory(jar)) {
      throw new IOException(jar + " is a directory, and only jars can be in an archive");
    }
    String facts = facts(jar);
    parts.add(facts);
    String more = CLASS_PATHS.get(facts);
    if (more == null) {
      more = classPath(jar);
      CLASS_PATHS.put(facts, more);
    }
    for (String entry : more.split(" ")) {
      if (!entry.isEmpty()) {
        Path file = jar.resolveSibling(entry);
        parts.add(Files.exists(file) ? facts(file) : file + " is missing");
      }
    }
  }

  /** What its manifest adds to the class path. */
  private static String classPath(Path jar) throws IOException {
    try (JarFile open = new JarFile(jar.toFile())) {
      Manifest manifest = open.getManifest();
      String more =
          manifest == null
              ? null
              : manifest.getMainAttributes().getValue(Attributes.Name.CLASS_PATH);
      return more == null ? "" : more;
    }
  }

  private static String facts(Path file) throws IOException {
    BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
    return file + " " + attributes.size() + " " + attributes.lastModifiedTime().toMillis();
  }

  private static String digest(List<String> parts, int bytes) {
    try {
      MessageDigest sha = MessageDigest.getInstance("SHA-256");
      for (String part : parts) {
        sha.update(String.valueOf(part).getBytes(StandardCharsets.UTF_8));
        sha.update((byte) 0);
      }
      return HexFormat.of().formatHex(sha.digest(), 0, bytes);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every JDK has it
    }
  }
}
