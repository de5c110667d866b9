package io.goagain.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/** The Unix sockets that a process listens on, from procfs: proc(5), unix(7). */
final class ProcessSockets {

  /** __SO_ACCEPTCON of linux/net.h. */
  private static final String LISTENING = "00010000";

  private static final String STREAM = "0001";

  private final Path proc;
  private final long pid;
  private final Path process;

  ProcessSockets(Path proc, long pid) {
    this.proc = proc;
    this.pid = pid;
    this.process = proc.resolve(Long.toString(pid));
  }

  /**
   * Paths as this process reaches them: if the other one has a root of its own, as in a container,
   * they lead through it.
   */
  List<String> paths() throws CliException {
    try {
      Set<String> inodes = inodes();
      Set<String> paths = new LinkedHashSet<>();
      for (String line : lines(process.resolve("net/unix"))) {
        // Num RefCount Protocol Flags Type St Inode Path
        String[] fields = line.split(" +", 8);
        if (fields.length == 8
            && fields[3].equals(LISTENING)
            && fields[4].equals(STREAM)
            && inodes.contains(fields[6])
            && !fields[7].startsWith("@")) {
          paths.add(reachable(fields[7]));
        }
      }
      return new ArrayList<>(paths);
    } catch (NoSuchFileException e) {
      throw failure("there is no such process; is this the pid of a running service?", e);
    } catch (AccessDeniedException e) {
      throw failure(
          "its descriptors cannot be read ("
              + e.getFile()
              + ": permission denied); run this as the"
              + " user of the service or as root, or name the socket with --socket",
          e);
    } catch (IOException e) {
      throw failure(e + "; name the socket with --socket", e);
    }
  }

  private CliException failure(String reason, Exception cause) {
    return CliException.unreachable(
        "could not find the control socket of process " + pid + ": " + reason, cause);
  }

  private Set<String> inodes() throws IOException {
    Set<String> inodes = new HashSet<>();
    try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(process.resolve("fd"))) {
      for (Path descriptor : descriptors) {
        String target = linkOf(descriptor);
        if (target != null && target.startsWith("socket:[")) {
          inodes.add(target.substring("socket:[".length(), target.length() - 1));
        }
      }
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    return inodes;
  }

  private static List<String> lines(Path file) throws IOException {
    return new String(Files.readAllBytes(file), StandardCharsets.UTF_8).lines().toList();
  }

  private String reachable(String path) throws IOException {
    boolean sameRoot = isShared("root") && isShared("ns/mnt");
    if (path.startsWith("/")) {
      return sameRoot ? path : process.resolve("root") + path;
    }
    // Bound by a relative path; whoever has changed its directory since cannot be found.
    Path directory = process.resolve("cwd");
    return (sameRoot ? directory.toRealPath() : directory).resolve(path).toString();
  }

  private boolean isShared(String link) {
    return Objects.equals(linkOf(process.resolve(link)), linkOf(proc.resolve("self/" + link)));
  }

  /** Null if there is no such link any more: descriptors come and go. */
  private static String linkOf(Path path) {
    try {
      return Files.readSymbolicLink(path).toString();
    } catch (IOException e) {
      return null;
    }
  }
}
