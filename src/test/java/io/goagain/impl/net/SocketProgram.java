package io.goagain.impl.net;

import com.sun.jna.Native;
import io.goagain.impl.posix.Descriptors;
import io.goagain.impl.posix.OpenDescriptors;
import io.goagain.impl.posix.UnixSockets;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A process that does with sockets what it is told, one line for one answer: with the umask, or as
 * the user, that a test needs.
 */
final class SocketProgram implements AutoCloseable {

  static final int NOBODY = 65534;

  private final Process process;
  private final BufferedReader answers;
  private final Writer orders;

  private SocketProgram(List<String> prefix, List<Path> classPath, List<String> options)
      throws IOException {
    List<String> command = new ArrayList<>(prefix);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(options);
    command.add("-cp");
    command.add(String.join(":", classPath.stream().map(Path::toString).toList()));
    command.add(SocketProgram.class.getName());
    process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    answers =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    orders = new OutputStreamWriter(process.getOutputStream(), StandardCharsets.UTF_8);
  }

  static SocketProgram withUmask(String umask) throws IOException {
    List<String> shell = List.of("sh", "-c", "umask " + umask + "; exec \"$@\"", "sh");
    return new SocketProgram(shell, classPath(), List.of());
  }

  /**
   * As a user who has nothing, and may read nothing of ours: the classes are copied.
   *
   * @param directory empty, and reachable for everybody
   */
  static SocketProgram asNobody(Path directory) throws IOException {
    List<Path> copies = new ArrayList<>();
    for (Path entry : classPath()) {
      Path copy = directory.resolve(Integer.toString(copies.size()));
      copyForAll(entry, copy);
      copies.add(copy);
    }
    Path unpacked = Files.createDirectory(directory.resolve("jna"));
    Files.setAttribute(unpacked, "unix:mode", 0777);
    return new SocketProgram(
        List.of("setpriv", "--reuid=" + NOBODY, "--regid=" + NOBODY, "--clear-groups"),
        copies,
        List.of("-Djna.tmpdir=" + unpacked));
  }

  private static List<Path> classPath() {
    return Stream.of(SocketProgram.class, SecuredUnixSocket.class, Native.class)
        .map(type -> type.getProtectionDomain().getCodeSource().getLocation().getPath())
        .map(Path::of)
        .toList();
  }

  private static void copyForAll(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Path copy = to.resolve(from.relativize(file).toString());
        Files.copy(file, copy);
        Files.setAttribute(copy, "unix:mode", Files.isDirectory(copy) ? 0755 : 0644);
      }
    }
  }

  /** Sends an order; the answer is to be read. */
  void order(String order) throws IOException {
    orders.write(order + "\n");
    orders.flush();
  }

  String answer() throws IOException {
    return answers.readLine();
  }

  String ask(String order) throws IOException {
    order(order);
    return answer();
  }

  @Override
  public void close() throws IOException {
    orders.close();
    try {
      if (!process.waitFor(20, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }

  /** Does what standard input says until that ends. */
  public static void main(String[] args) throws IOException {
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    List<Integer> held = new ArrayList<>();
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String[] words = line.split(" ", -1);
      System.out.println(
          switch (words[0]) {
            case "listen" -> listen(words[1], words[2], words[3], held);
            case "watch" -> watch(words[1], words[2], Integer.parseInt(words[3]));
            case "connect" -> connect(words[1], held);
            case "close" -> close(held);
            default -> "what is " + line;
          });
    }
  }

  private static String listen(String path, String mode, String group, List<Integer> held)
      throws IOException {
    int before = OpenDescriptors.now().size();
    try {
      OptionalInt fd =
          SecuredUnixSocket.listenUnlessLive(
              path, Integer.parseInt(mode, 8), group.equals("-") ? null : group, 1);
      if (fd.isEmpty()) {
        return "live";
      }
      held.add(fd.getAsInt());
      return "listening " + modeOf(path);
    } catch (IOException e) {
      int left = OpenDescriptors.now().size() - before;
      return left + " left: " + e.getMessage();
    }
  }

  /** All modes that the file of a socket has while it is made, many times. */
  private static String watch(String path, String mode, int times) throws IOException {
    Set<String> seen = new ConcurrentSkipListSet<>();
    Thread watcher =
        new Thread(
            () -> {
              while (!Thread.currentThread().isInterrupted()) {
                try {
                  seen.add(modeOf(path));
                } catch (NoSuchFileException e) {
                  // Between two of them.
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              }
            });
    watcher.start();
    for (int i = 0; i < times; i++) {
      Descriptors.close(
          SecuredUnixSocket.listenUnlessLive(path, Integer.parseInt(mode, 8), null, 1).getAsInt());
      seen.add(modeOf(path));
      Files.delete(Path.of(path));
    }
    watcher.interrupt();
    return new TreeSet<>(seen).toString();
  }

  private static String connect(String path, List<Integer> held) throws IOException {
    int fd = UnixSockets.open();
    held.add(fd);
    UnixSockets.connect(fd, path);
    return "connected " + ProcessHandle.current().pid();
  }

  private static String close(List<Integer> held) throws IOException {
    for (int fd : held) {
      Descriptors.close(fd);
    }
    held.clear();
    return "closed";
  }

  private static String modeOf(String path) throws IOException {
    int mode = (Integer) Files.getAttribute(Path.of(path), "unix:mode", LinkOption.NOFOLLOW_LINKS);
    return "%04o".formatted(mode & 07777);
  }
}
