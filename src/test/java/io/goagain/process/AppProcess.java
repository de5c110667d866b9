package io.goagain.process;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.goagain.impl.posix.Processes;
import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A program under test: its first process and all that descend from it, which share one pipe for
 * what they print. Waiting is for a line or an exit, within {@link #LIMIT}, which only bounds
 * hangs; whatever does not come is an {@link AssertionError} that contains all lines.
 */
public final class AppProcess implements AutoCloseable {
  /** How long anything is waited for. */
  public static final Duration LIMIT = Duration.ofSeconds(120);

  /** Options for JVMs that live for a second or two; in effect unless overridden. */
  public static final List<String> FAST = fast(Archive.of(examples(), "single", "--port", "0"));

  /** The same without an archive of the tests, for which the library keeps none of its own. */
  public static final List<String> WITHOUT_ARCHIVE = FAST.subList(0, 3);

  /** The same with an archive of the classes of another example. */
  static List<String> fast(Path archive) {
    return List.of(
        "-XX:TieredStopAtLevel=1",
        "-XX:CompileThresholdScaling=10",
        "-Xmx128m",
        "-Dio.netty.jfr.enabled=false",
        "-Xshare:auto",
        "-XX:SharedArchiveFile=" + archive,
        // A jar at another path cannot use it, which is no news.
        "-Xlog:cds=off,cds+dynamic=off,class+path=off");
  }

  private static final Pattern READY = Pattern.compile("ready generation=(\\d+) pid=(\\d+)");
  private static final Pattern LISTENING = Pattern.compile("listening (\\S+) (\\S+)");

  /**
   * A process that said that it is ready.
   *
   * @param generation its number in the line
   * @param pid its process
   */
  public record Generation(int generation, long pid) {}

  private final Process first;
  private final String pipe;
  private final InputStream output;
  private final Thread reader;
  private final Object monitor = new Object();

  // Guarded by the monitor.
  private final List<String> lines = new ArrayList<>();
  private final List<Generation> ready = new ArrayList<>();
  private final Map<String, String> addresses = new LinkedHashMap<>();
  private final Set<ProcessHandle> seen = new LinkedHashSet<>();
  private boolean ended;
  private int position;

  private AppProcess(Process first) throws IOException {
    this.first = first;
    // The child waits for a line before it begins, so its stdout is there to be looked at.
    Path stdout = Path.of("/proc", Long.toString(first.pid()), "fd", "1");
    this.pipe = Files.readSymbolicLink(stdout).toString();
    // An end of the pipe of our own: Java's ends for us when the first process does.
    this.output = new FileInputStream(stdout.toFile());
    first.getInputStream().close();
    this.seen.add(first.toHandle());
    try (OutputStream begin = first.getOutputStream()) {
      begin.write('\n');
    }
    this.reader = new Thread(this::read, "output-" + first.pid());
    reader.setDaemon(true);
    reader.start();
  }

  /** Starts the examples with {@link #FAST} options: {@code AppProcess.start("single", ...)}. */
  public static AppProcess start(String... exampleArgs) throws IOException {
    return start(List.of(), Map.of(), null, exampleArgs);
  }

  /**
   * Starts the examples, from the jar that the system property {@code goagain.examples} names.
   *
   * @param jvmArgs options in addition to {@link #FAST}, which they override
   * @param environment variables to set; an empty value removes one
   * @param workingDirectory where to start, or null for here
   * @param exampleArgs the name of the example and its options
   */
  public static AppProcess start(
      List<String> jvmArgs,
      Map<String, String> environment,
      Path workingDirectory,
      String... exampleArgs)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(java());
    command.addAll(FAST);
    command.addAll(jvmArgs);
    command.add("-jar");
    command.add(examples().toString());
    command.addAll(List.of(exampleArgs));
    return run(command, environment, workingDirectory);
  }

  /** Starts any command; the parameters are those of {@link #start(List, Map, Path, String...)}. */
  public static AppProcess run(
      List<String> command, Map<String, String> environment, Path workingDirectory)
      throws IOException {
    // A shell that becomes the command, with the same pid, once it is told to.
    List<String> held = new ArrayList<>();
    held.addAll(List.of("sh", "-c", "read -r begin; exec \"$@\" </dev/null", "sh"));
    if (isIgnoredHere(Processes.HUP) || isIgnoredHere(Processes.INT)) {
      // By nohup, or a shell that has started the tests in the background. A JVM would respect it.
      held.addAll(List.of("env", "--default-signal=HUP,INT"));
    }
    held.addAll(command);
    ProcessBuilder builder = new ProcessBuilder(held);
    builder.redirectErrorStream(true);
    if (workingDirectory != null) {
      builder.directory(workingDirectory.toFile());
      builder.environment().put("PWD", workingDirectory.toAbsolutePath().toString());
    }
    // What the machine that runs the test happens to be started with.
    builder
        .environment()
        .keySet()
        .removeIf(
            name ->
                name.startsWith("GOAGAIN_")
                    || name.startsWith("LISTEN_")
                    || name.equals("NOTIFY_SOCKET"));
    environment.forEach(
        (name, value) -> {
          if (value.isEmpty()) {
            builder.environment().remove(name);
          } else {
            builder.environment().put(name, value);
          }
        });
    Process first = builder.start();
    try {
      return new AppProcess(first);
    } catch (IOException e) {
      first.destroyForcibly();
      throw e;
    }
  }

  /** proc_pid_status(5). */
  private static boolean isIgnoredHere(int signal) throws IOException {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("SigIgn:"))
        .anyMatch(
            line ->
                (Long.parseUnsignedLong(line.substring(7).strip(), 16) >> (signal - 1) & 1) != 0);
  }

  /** The java that runs this. */
  public static String java() {
    return Path.of(System.getProperty("java.home"), "bin", "java").toString();
  }

  /** The jar of the examples, absolute. */
  public static Path examples() {
    String jar = System.getProperty("goagain.examples", "target/goagain-examples.jar");
    return Path.of(jar).toAbsolutePath();
  }

  /** Everything that any of the processes has printed on stdout or stderr. */
  public List<String> lines() {
    synchronized (monitor) {
      return List.copyOf(lines);
    }
  }

  /** Waits for the next line that contains the pattern, after the last one awaited. */
  public MatchResult awaitLine(Pattern pattern) {
    Matcher matcher =
        pattern.matcher(awaitLine("a line with " + pattern, pattern.asPredicate(), LIMIT));
    if (!matcher.find()) {
      throw new IllegalStateException(pattern.pattern());
    }
    return matcher.toMatchResult();
  }

  /** Waits for the next line that is accepted, after the last one awaited. */
  public String awaitLine(Predicate<String> accepted, Duration limit) {
    return awaitLine("such a line", accepted, limit);
  }

  /** Makes the next {@link #awaitLine(Pattern)} begin with the first line again. */
  public AppProcess fromStart() {
    synchronized (monitor) {
      position = 0;
    }
    return this;
  }

  /** Makes the next {@link #awaitLine(Pattern)} begin with what is printed from now on. */
  public AppProcess fromNow() {
    synchronized (monitor) {
      position = lines.size();
    }
    return this;
  }

  /** Waits until a generation has said that it is ready, before or after this call. */
  public Generation awaitReady(int generation) {
    synchronized (monitor) {
      await("generation " + generation + " ready", LIMIT, () -> last(generation) != null);
      return last(generation);
    }
  }

  /** The process that said last that it is ready; waits for the first. */
  public Generation newest() {
    synchronized (monitor) {
      await("a process that is ready", LIMIT, () -> !ready.isEmpty());
      return ready.get(ready.size() - 1);
    }
  }

  /** Waits for a listener's address as the newest process to print it had it. */
  public String address(String listener) {
    synchronized (monitor) {
      await("the address of " + listener, LIMIT, () -> addresses.containsKey(listener));
      return addresses.get(listener);
    }
  }

  /** A listener's address to connect to: over loopback, whatever it is bound to, or a Unix path. */
  public SocketAddress socketAddress(String listener) {
    String address = address(listener);
    if (address.contains("/")) {
      return UnixDomainSocketAddress.of(address.substring(address.indexOf('/')));
    }
    int port = Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
  }

  /** The pid of the first process. */
  public long pid() {
    return first.pid();
  }

  /** Signals the newest process that is ready: {@code signal("USR2")}. */
  public void signal(String name) throws IOException, InterruptedException {
    signal(newest().pid(), name);
  }

  /** Signals a process. */
  public void signal(long pid, String name) throws IOException, InterruptedException {
    // The shell's own kill, as not every machine has the program.
    Process kill =
        new ProcessBuilder("sh", "-c", "kill -s \"$1\" \"$2\"", "sh", name, Long.toString(pid))
            .redirectErrorStream(true)
            .start();
    String said = new String(kill.getInputStream().readAllBytes(), UTF_8);
    if (kill.waitFor() != 0) {
      throw failure("kill -s " + name + " " + pid + ": " + said);
    }
  }

  /** Kills a process at once. */
  public void kill9(long pid) throws IOException, InterruptedException {
    signal(pid, "KILL");
  }

  /**
   * Waits until a process has ended, whoever its parent is; a zombie has.
   *
   * @return its exit code (128 + n for a signal n) if it is the first process, or if it was seen as
   *     a zombie; for others the kernel does not tell
   */
  public OptionalInt awaitExit(long pid) throws InterruptedException {
    if (pid == first.pid()) {
      return OptionalInt.of(exitCode());
    }
    // Polls, as the kernel tells only parents, and Java has no pidfd. ProcessHandle.onExit polls
    // as well, and takes a zombie, which not every first process of a container reaps, for alive.
    long deadline = System.nanoTime() + LIMIT.toNanos();
    long start = -1;
    while (System.nanoTime() - deadline < 0) {
      Stat stat = Stat.of(pid);
      if (stat == null || (start >= 0 && stat.start != start)) {
        return OptionalInt.empty();
      }
      if (stat.zombie) {
        return OptionalInt.of(stat.exitCode);
      }
      start = stat.start;
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
    }
    throw failure("process " + pid + " did not end");
  }

  /** Waits until the first process has ended, and returns its exit code. */
  public int exitCode() throws InterruptedException {
    if (!first.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)) {
      throw failure("the first process, " + first.pid() + ", did not end");
    }
    return first.exitValue();
  }

  /** Whether a process exists and is no zombie. */
  public boolean isAlive(long pid) {
    Stat stat = Stat.of(pid);
    return stat != null && !stat.zombie;
  }

  /** The descriptors of a process, and what each is: a path, {@code socket:[inode]}, ... */
  public SortedMap<Integer, String> openDescriptors(long pid) throws IOException {
    SortedMap<Integer, String> descriptors = new TreeMap<>();
    for (Path entry : entries(Path.of("/proc", Long.toString(pid), "fd"))) {
      String target = link(entry);
      if (target != null) {
        descriptors.put(Integer.valueOf(entry.getFileName().toString()), target);
      }
    }
    return descriptors;
  }

  /** The names of a process's threads, sorted; the kernel keeps 15 characters of each. */
  public List<String> threads(long pid) throws IOException {
    List<String> names = new ArrayList<>();
    for (Path entry : entries(Path.of("/proc", Long.toString(pid), "task"))) {
      String name = read(entry.resolve("comm"));
      if (name != null) {
        names.add(name.strip());
      }
    }
    names.sort(null);
    return names;
  }

  /** An error that says what was wrong and all that was printed. */
  public AssertionError failure(String what) {
    return new AssertionError(what + "; printed so far:\n  " + String.join("\n  ", lines()));
  }

  /** Kills every process that belongs to this, and waits until they are gone. */
  @Override
  public void close() {
    boolean interrupted = false;
    // A process may be spawned while its parent is being killed; it then holds the pipe.
    for (Set<ProcessHandle> alive = alive(); !alive.isEmpty(); alive = alive()) {
      for (ProcessHandle handle : alive) {
        boolean killed = handle.destroyForcibly();
        assert killed || !isAlive(handle.pid()) : handle;
      }
      for (ProcessHandle handle : alive) {
        try {
          OptionalInt ignored = awaitExit(handle.pid());
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    try {
      reader.join(LIMIT.toMillis());
    } catch (InterruptedException e) {
      interrupted = true;
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private Set<ProcessHandle> alive() {
    Set<ProcessHandle> handles = new HashSet<>();
    synchronized (monitor) {
      handles.addAll(seen);
    }
    for (ProcessHandle handle : List.copyOf(handles)) {
      try (Stream<ProcessHandle> descendants = handle.descendants()) {
        descendants.forEach(handles::add);
      }
    }
    try (Stream<ProcessHandle> all = ProcessHandle.allProcesses()) {
      all.filter(this::holdsPipe).forEach(handles::add);
    }
    // A handle knows when its process started, and so is not fooled by a pid used again.
    handles.removeIf(handle -> !handle.isAlive() || !isAlive(handle.pid()));
    synchronized (monitor) {
      seen.addAll(handles);
    }
    return handles;
  }

  /** In a pid namespace of its own a program gives numbers that are other processes' out here. */
  private boolean belongs(ProcessHandle handle) {
    if (holdsPipe(handle)) {
      return true;
    }
    try (Stream<ProcessHandle> descendants = first.descendants()) {
      return descendants.anyMatch(handle::equals);
    }
  }

  private boolean holdsPipe(ProcessHandle handle) {
    Path descriptors = Path.of("/proc", Long.toString(handle.pid()), "fd");
    return handle.pid() != ProcessHandle.current().pid()
        && (pipe.equals(link(descriptors.resolve("1")))
            || pipe.equals(link(descriptors.resolve("2"))));
  }

  private String awaitLine(String what, Predicate<String> accepted, Duration limit) {
    synchronized (monitor) {
      int[] at = {position};
      await(
          what,
          limit,
          () -> {
            while (at[0] < lines.size()) {
              if (accepted.test(lines.get(at[0]++))) {
                return true;
              }
            }
            return false;
          });
      position = at[0];
      return lines.get(at[0] - 1);
    }
  }

  private interface Condition {
    boolean holds();
  }

  /** Waits, in the monitor, until a condition on the lines holds. */
  private void await(String what, Duration limit, Condition condition) {
    long deadline = System.nanoTime() + limit.toNanos();
    while (!condition.holds()) {
      long millis = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
      if (ended) {
        throw failure("waited for " + what + ", but all processes have ended");
      }
      if (millis <= 0) {
        throw failure("waited " + limit.toMillis() + " ms for " + what);
      }
      try {
        monitor.wait(millis);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw failure("interrupted while waiting for " + what);
      }
    }
  }

  private Generation last(int generation) {
    for (int i = ready.size() - 1; i >= 0; i--) {
      if (ready.get(i).generation() == generation) {
        return ready.get(i);
      }
    }
    return null;
  }

  private void read() {
    try (BufferedReader text = new BufferedReader(new InputStreamReader(output, UTF_8))) {
      for (String line = text.readLine(); line != null; line = text.readLine()) {
        add(line);
      }
    } catch (IOException e) {
      add("(reading the output: " + e + ")");
    } finally {
      synchronized (monitor) {
        ended = true;
        monitor.notifyAll();
      }
    }
  }

  private void add(String line) {
    Matcher isReady = READY.matcher(line);
    Matcher isListening = LISTENING.matcher(line);
    synchronized (monitor) {
      lines.add(line);
      if (isReady.matches()) {
        long pid = Long.parseLong(isReady.group(2));
        ready.add(new Generation(Integer.parseInt(isReady.group(1)), pid));
        ProcessHandle.of(pid).filter(this::belongs).ifPresent(seen::add);
      } else if (isListening.matches()) {
        addresses.put(isListening.group(1), isListening.group(2));
      }
      monitor.notifyAll();
    }
  }

  private static Collection<Path> entries(Path directory) throws IOException {
    List<Path> entries = new ArrayList<>();
    try (DirectoryStream<Path> stream = Files.newDirectoryStream(directory)) {
      stream.forEach(entries::add);
    }
    return entries;
  }

  /** Where a link of /proc points, or null if it is gone or not ours to see. */
  private static String link(Path path) {
    try {
      return Files.readSymbolicLink(path).toString();
    } catch (IOException e) {
      return null;
    }
  }

  /** A file of /proc, or null if the process or thread has ended. */
  private static String read(Path path) {
    try {
      return Files.readString(path, UTF_8);
    } catch (IOException e) {
      return null;
    }
  }

  /** What matters here of /proc/PID/stat, proc(5). */
  private record Stat(boolean zombie, long start, int exitCode) {
    static Stat of(long pid) {
      String stat = AppProcess.read(Path.of("/proc", Long.toString(pid), "stat"));
      if (stat == null) {
        return null;
      }
      // The second field is the name in parentheses, which may contain anything.
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).strip().split(" ", -1);
      String state = fields[0];
      int status = Integer.parseInt(fields[fields.length - 1]);
      int exitCode = (status & 0x7f) == 0 ? status >> 8 : 128 + (status & 0x7f);
      boolean zombie = state.equals("Z") || state.equals("X");
      return new Stat(zombie, Long.parseLong(fields[19]), exitCode);
    }
  }
}
