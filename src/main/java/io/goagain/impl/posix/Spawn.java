package io.goagain.impl.posix;

import com.sun.jna.Memory;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * Starts a program with posix_spawn(3): the JVM must not fork, and {@link ProcessBuilder} closes
 * every descriptor from 3 up.
 */
public final class Spawn {

  /** Where handed descriptors begin in the child, as sd_listen_fds(3) has it. */
  private static final int FIRST = Descriptors.FIRST_AFTER_STANDARD;

  private Spawn() {}

  /**
   * What to start.
   *
   * @param path the program, not searched on PATH; a relative one is taken from {@code
   *     workingDirectory}
   * @param argv the arguments from argv[0] on, at least that one
   * @param environment all of it, as NAME=value
   * @param workingDirectory null to inherit this process's
   * @param descriptors become 3, 4, 5 ... in the child, without close-on-exec, but keep their
   *     numbers in {@link Exec}. They stay open here and the caller's; one may be given twice
   */
  public record Command(
      String path,
      List<String> argv,
      List<String> environment,
      String workingDirectory,
      List<Integer> descriptors) {

    /**
     * @throws IllegalArgumentException if {@code argv} is empty, or a string holds a NUL, at which
     *     the kernel would silently cut it
     */
    public Command {
      requireNoNul(path);
      argv = List.copyOf(argv);
      environment = List.copyOf(environment);
      descriptors = List.copyOf(descriptors);
      argv.forEach(Command::requireNoNul);
      environment.forEach(Command::requireNoNul);
      if (workingDirectory != null) {
        requireNoNul(workingDirectory);
      }
      if (argv.isEmpty()) {
        throw new IllegalArgumentException("argv is empty");
      }
    }

    /** The path, and from where it is taken, for messages. */
    String program() {
      return workingDirectory == null || path.startsWith("/")
          ? path
          : path + " in " + workingDirectory;
    }

    /**
     * Whether chdir(2) to the directory would succeed.
     *
     * @throws PosixException ENOENT, ENOTDIR, EACCES
     */
    void checkDirectory() throws PosixException {
      if (workingDirectory != null
          && LibC.access(LibC.bytes(workingDirectory + "/."), LibC.X_OK) == -1) {
        throw LibC.failed("chdir(" + workingDirectory + ")");
      }
    }

    private static void requireNoNul(String string) {
      if (Objects.requireNonNull(string).indexOf('\0') >= 0) {
        throw new IllegalArgumentException("NUL in \"" + string.replace("\0", "\\0") + "\"");
      }
    }
  }

  /** What this libc's posix_spawn can do beyond POSIX.1-2017; a seam for tests. */
  record Abilities(boolean changeDirectory, boolean closeFrom) {
    static Abilities ofLibC() {
      return new Abilities(LibC.hasAddchdir(), LibC.hasAddclosefrom());
    }
  }

  /**
   * Starts a child that holds the standard streams of this process, the given descriptors and
   * nothing else; blocks no signal and ignores none. Returns when its program has been loaded, or
   * could not be. The caller reaps it with {@link Processes#waitFor}.
   *
   * <p>Where libc has no posix_spawn_file_actions_addclosefrom_np (glibc before 2.34, musl),
   * everything from 3 up is marked close-on-exec in this process instead. Only there, what another
   * thread opens at the same moment without that flag may cross.
   *
   * @return the child's pid
   * @throws PosixException what execve(2) says of the program (ENOENT, also for a script whose
   *     interpreter is missing; EACCES, ENOEXEC, E2BIG) and chdir(2) of the directory; EBADF for a
   *     descriptor that is not open; EMFILE, EAGAIN, ENOMEM; ENOSYS for a working directory where
   *     libc cannot set one. Nothing is left behind then
   */
  public static int spawn(Command command) throws PosixException {
    return spawn(command, Abilities.ofLibC());
  }

  static int spawn(Command command, Abilities abilities) throws PosixException {
    if (command.workingDirectory() != null && !abilities.changeDirectory()) {
      throw new PosixException(
          "posix_spawn_file_actions_addchdir_np(" + command.workingDirectory() + ")", Errno.ENOSYS);
    }
    // A source may have the number that another one is to get, so all leave that range first.
    int end = FIRST + command.descriptors().size();
    List<Integer> sources = new ArrayList<>();
    try {
      for (int fd : command.descriptors()) {
        sources.add(Descriptors.duplicateAbove(fd, end));
      }
      if (!abilities.closeFrom()) {
        Descriptors.markAllCloseOnExecFrom(FIRST);
      }
      return launch(command, sources, abilities);
    } finally {
      // A failure to close one must not hide the cause, nor keep the others open.
      sources.forEach(LibC::close);
    }
  }

  private static int launch(Command command, List<Integer> sources, Abilities abilities)
      throws PosixException {
    try (FileActions actions = new FileActions();
        Attributes attributes = new Attributes();
        Memory argv = LibC.strings(command.argv());
        Memory environment = LibC.strings(command.environment())) {
      // First, so that the path of the program is taken from there.
      if (command.workingDirectory() != null) {
        actions.changeDirectory(command.workingDirectory());
      }
      for (int i = 0; i < sources.size(); i++) {
        actions.duplicate(sources.get(i), FIRST + i);
      }
      if (abilities.closeFrom()) {
        actions.closeFrom(FIRST + sources.size());
      }
      int[] pid = new int[1];
      byte[] path = LibC.bytes(command.path());
      int error = LibC.posix_spawn(pid, path, actions.memory, attributes.memory, argv, environment);
      if (error != 0) {
        throw explain(command, error);
      }
      return pid[0];
    }
  }

  /** posix_spawn has one error for all that it does; this finds out which call it came from. */
  private static PosixException explain(Command command, int error) {
    try {
      command.checkDirectory();
    } catch (PosixException e) {
      if (e.errno() == error) {
        return e;
      }
    }
    return new PosixException("posix_spawn(" + command.program() + ")", error);
  }

  private static void check(int error, String call) throws PosixException {
    if (error != 0) {
      throw new PosixException(call, error);
    }
  }

  /** posix_spawn_file_actions_init(3): what the child does, in this order, before the exec. */
  private static final class FileActions implements AutoCloseable {

    final Memory memory = new Memory(LibC.SIZEOF_POSIX_SPAWN_FILE_ACTIONS);

    FileActions() throws PosixException {
      check(LibC.posix_spawn_file_actions_init(memory), "posix_spawn_file_actions_init()");
    }

    void changeDirectory(String directory) throws PosixException {
      check(
          LibC.posix_spawn_file_actions_addchdir_np(memory, LibC.bytes(directory)),
          "posix_spawn_file_actions_addchdir_np(" + directory + ")");
    }

    void duplicate(int source, int target) throws PosixException {
      check(
          LibC.posix_spawn_file_actions_adddup2(memory, source, target),
          "posix_spawn_file_actions_adddup2(" + source + ", " + target + ")");
    }

    void closeFrom(int first) throws PosixException {
      check(
          LibC.posix_spawn_file_actions_addclosefrom_np(memory, first),
          "posix_spawn_file_actions_addclosefrom_np(" + first + ")");
    }

    @Override
    public void close() {
      LibC.posix_spawn_file_actions_destroy(memory);
      memory.close();
    }
  }

  /**
   * posix_spawnattr_init(3): a clean slate for signals, as exec(3) keeps the mask of the thread.
   * Only SIGUSR2 is blocked, until the child lets it through.
   */
  private static final class Attributes implements AutoCloseable {

    final Memory memory = new Memory(LibC.SIZEOF_POSIX_SPAWNATTR);

    Attributes() throws PosixException {
      check(LibC.posix_spawnattr_init(memory), "posix_spawnattr_init()");
      // A request to restart may reach the child before it can take it, if whoever sends it means
      // every process of a service: it waits then, and does not kill.
      try (SignalSet blocked = SignalSet.of(Processes.USR2);
          SignalSet reset = SignalSet.ofAllThatCanBeSet()) {
        // These fail only for null pointers and unknown flags.
        LibC.posix_spawnattr_setsigmask(memory, blocked.memory);
        LibC.posix_spawnattr_setsigdefault(memory, reset.memory);
        short flags = LibC.POSIX_SPAWN_SETSIGMASK | LibC.POSIX_SPAWN_SETSIGDEF;
        LibC.posix_spawnattr_setflags(memory, flags);
      }
    }

    @Override
    public void close() {
      LibC.posix_spawnattr_destroy(memory);
      memory.close();
    }
  }
}
