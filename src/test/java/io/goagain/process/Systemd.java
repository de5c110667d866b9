package io.goagain.process;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A systemd for one test: systemd.sh in the resources. Its processes have pids of their own and
 * share network and files with the test. What a unit prints is lost, unless it has {@code
 * StandardOutput=append:...}.
 */
public final class Systemd implements AutoCloseable {

  private static final Pattern VERSION = Pattern.compile("(\\d+)\\b.*");

  /** No line of any output; the exit code follows. */
  private static final String END = "end-of-command-" + ProcessHandle.current().pid() + " ";

  private static final Optional<String> NONE = Optional.empty();

  /**
   * What a command gave.
   *
   * @param output stdout and stderr
   */
  public record Result(int code, String output) {}

  private final Path directory;
  private final Process process;
  private final Writer input;
  private final BlockingQueue<Optional<String>> lines = new LinkedBlockingQueue<>();
  private final int version;

  private Systemd() throws IOException {
    directory = Files.createTempDirectory("sd");
    Files.createDirectory(units());
    Files.createDirectory(runtime());
    process =
        new ProcessBuilder("sh", script().toString(), units().toString(), runtime().toString())
            .redirectErrorStream(true)
            .start();
    input = process.outputWriter(UTF_8);
    Thread reader = new Thread(this::read, "systemd-" + process.pid());
    reader.setDaemon(true);
    reader.start();
    version = readVersion();
  }

  private int readVersion() {
    List<String> started = new ArrayList<>();
    for (Optional<String> line = next(); line.isPresent(); line = next()) {
      Matcher version = VERSION.matcher(line.get());
      if (version.matches()) {
        return Integer.parseInt(version.group(1));
      }
      started.add(line.get());
    }
    deleteAll();
    return fail("systemd did not start: " + String.join("\n", started));
  }

  /** Starts one; where that cannot be, for want of rights or programs, the test is skipped. */
  public static Systemd start() throws IOException {
    String program = System.getenv().getOrDefault("GOAGAIN_SYSTEMD", "/lib/systemd/systemd");
    assumeTrue(Files.isExecutable(Path.of(program)), () -> "no systemd: " + program);
    assumeTrue(
        succeeds("unshare", "--fork", "--pid", "--mount", "--mount-proc", "systemctl", "--version"),
        "no private namespaces: needs root, unshare(1) and systemctl(1)");
    return new Systemd();
  }

  private static boolean succeeds(String... command) {
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      return process.waitFor() == 0;
    } catch (IOException e) {
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private static Path script() {
    try {
      return Path.of(Systemd.class.getResource("systemd.sh").toURI());
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  /** 252, say. */
  public int version() {
    return version;
  }

  /** Skips the test where systemd is older. */
  public Systemd atLeast(int wanted) {
    if (version < wanted) {
      close();
    }
    assumeTrue(version >= wanted, () -> "needs systemd " + wanted + ", this is " + version);
    return this;
  }

  /** A directory for the test, which goes with the systemd. */
  public Path directory() {
    return directory;
  }

  /** Writes a unit, or replaces one. */
  public void unit(String name, String content) throws IOException {
    Files.writeString(units().resolve(name), content);
    systemctl("daemon-reload");
  }

  /** Runs {@code systemctl --user}, which has to succeed; gives what it prints. */
  public String systemctl(String arguments) {
    Result result = run("systemctl --user " + arguments);
    if (result.code() != 0) {
      awaitLogged();
      fail("systemctl " + arguments + ": " + result + "\n" + log());
    }
    return result.output();
  }

  /** What systemd logs goes through a pipe: waits until all of it has come out. */
  private void awaitLogged() {
    String last = "logged up to here: " + System.nanoTime();
    Result marked = run("p=$XDG_RUNTIME_DIR/kmsg; [ ! -p \"$p\" ] || echo '" + last + "' >\"$p\"");
    if (marked.code() == 0 && Files.exists(runtime().resolve("kmsg"))) {
      await(last, () -> log().contains(last));
    }
  }

  /** Runs a command line of sh(1), among the processes of this systemd. */
  public Result run(String command) {
    try {
      // The command gets no input: the shell's are the next commands.
      input.write("( " + command + "\n) </dev/null 2>&1; printf '\\n" + END + "%d\\n' $?\n");
      input.flush();
    } catch (IOException e) {
      throw new AssertionError("systemd has ended:\n" + log(), e);
    }
    List<String> output = new ArrayList<>();
    for (Optional<String> line = next(); line.isPresent(); line = next()) {
      if (line.get().startsWith(END)) {
        int code = Integer.parseInt(line.get().substring(END.length()));
        return new Result(code, String.join("\n", output).stripTrailing());
      }
      output.add(line.get());
    }
    return fail(command + " has ended with systemd: " + output);
  }

  /** {@code property("app.service", "MainPID")}. */
  public String property(String unit, String name) {
    return systemctl("show --value --property=" + name + " " + unit);
  }

  /** Waits until a property is as wanted, within {@link AppProcess#LIMIT}. */
  public String awaitProperty(String unit, String name, Predicate<String> wanted) {
    String[] value = new String[1];
    await(
        unit + " has another " + name,
        () -> {
          value[0] = property(unit, name);
          return wanted.test(value[0]);
        });
    return value[0];
  }

  /** Waits for what nobody tells, within {@link AppProcess#LIMIT}. */
  public void await(String what, BooleanSupplier condition) {
    long deadline = System.nanoTime() + AppProcess.LIMIT.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - deadline > 0) {
        fail("waited until " + what + "\n" + log());
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
    }
  }

  /** What systemd has logged; "systemctl log-level debug" makes that all it does. */
  public String log() {
    try {
      return Files.readString(runtime().resolve("log"));
    } catch (IOException e) {
      return "no log: " + e;
    }
  }

  /** Kills what is left. */
  @Override
  public void close() {
    try {
      input.close();
      if (!process.waitFor(AppProcess.LIMIT.toSeconds(), TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (IOException e) {
      process.destroyForcibly();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      process.destroyForcibly();
    }
    deleteAll();
  }

  private void deleteAll() {
    try (Stream<Path> all = Files.walk(directory)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    } catch (IOException e) {
      System.err.println("left behind: " + directory + ": " + e);
    }
  }

  private Path units() {
    return directory.resolve("units");
  }

  private Path runtime() {
    return directory.resolve("run");
  }

  private void read() {
    try (BufferedReader output = process.inputReader(UTF_8)) {
      for (String line = output.readLine(); line != null; line = output.readLine()) {
        lines.add(Optional.of(line));
      }
    } catch (IOException e) {
      lines.add(Optional.of(e.toString()));
    }
    lines.add(NONE);
  }

  /** Empty after the last one. */
  private Optional<String> next() {
    try {
      Optional<String> line = lines.poll(AppProcess.LIMIT.toSeconds(), TimeUnit.SECONDS);
      if (line == null) {
        process.destroyForcibly();
        return fail("nothing came within " + AppProcess.LIMIT + "\n" + log());
      }
      return line;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }
}
