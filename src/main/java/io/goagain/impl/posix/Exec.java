package io.goagain.impl.posix;

import com.sun.jna.Memory;
import io.goagain.impl.posix.Spawn.Command;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Replaces the program of this process, which keeps its pid: execve(2). */
public final class Exec {

  private Exec() {}

  /**
   * Looks at what execve(2) looks at first: that the file is regular, may be executed, and begins
   * as an ELF program or a script does, and for a script the same of its interpreter. The rest only
   * execve itself can tell: whether the machine and the loader of the ELF program are there, the
   * size of arguments and environment, whether somebody is writing the file, security modules. What
   * only binfmt_misc could start is refused.
   *
   * @param path not searched on PATH; a relative one is taken from {@code workingDirectory}
   * @param workingDirectory null for this process's
   * @throws PosixException what execve(2) would fail with (ENOENT, ENOTDIR, EACCES, ENOEXEC,
   *     ELOOP), or chdir(2) for the directory
   */
  public static void check(String path, String workingDirectory) throws PosixException {
    Executable.check(new Command(path, List.of(path), List.of(), workingDirectory, List.of()));
  }

  /**
   * Becomes another program, which holds the standard streams of this process, the descriptors of
   * the command at the numbers that they have here, and nothing else. All other threads end where
   * they are; no shutdown hook runs.
   *
   * <p>The new program begins with SIGUSR1 and SIGUSR2 blocked, as both would kill it before it can
   * handle them: what is pending for the process, or comes from then on, waits until it lets them
   * through. What another thread of this program still takes is lost with it. It blocks and ignores
   * no other signal, except those that are held. As with {@link Spawn}, what another thread opens
   * at the same moment without close-on-exec may cross.
   *
   * <p>This never returns. After a failure the working directory of this process, the signals that
   * it ignores and those that the thread blocks are as before; the descriptors from 3 up, those of
   * the command too, may have become close-on-exec.
   *
   * @param held signals that the new program is to get, all of them, when it says so: it begins
   *     with these blocked, where the kernel keeps them, and ignored, as HotSpot lets through those
   *     by which it shuts down if they are only blocked. See {@link Processes#hear}
   * @throws PosixException what execve(2) says of the program (ENOENT, also for a script whose
   *     interpreter is missing; EACCES, ENOEXEC, E2BIG), chdir(2) of the directory, and fcntl(2) of
   *     a descriptor that is not open (EBADF); EMFILE
   */
  @SuppressWarnings("try") // the resources are there to be undone
  public static void execve(Command command, Set<Integer> held) throws PosixException {
    try (Memory argv = LibC.strings(command.argv());
        Memory environment = LibC.strings(command.environment());
        Directory directory = new Directory(command.workingDirectory());
        Mask mask = new Mask(held);
        Ignored ignored = new Ignored();
        Held unheard = new Held(held);
        Survivors survivors = new Survivors(command.descriptors())) {
      LibC.execve(LibC.bytes(command.path()), argv, environment);
      throw LibC.failed("execve(" + command.program() + ")");
    }
  }

  /** The working directory, which belongs to the whole process, until it is closed. */
  private static final class Directory implements AutoCloseable {

    private final int before;

    Directory(String path) throws PosixException {
      // O_PATH, as a directory that we are in need not be readable, and may have been removed.
      before = path == null ? -1 : LibC.open(LibC.bytes("."), LibC.O_PATH | LibC.O_CLOEXEC, 0);
      if (path == null) {
        return;
      }
      if (before == -1) {
        throw LibC.failed("open(., O_PATH)");
      }
      if (LibC.chdir(LibC.bytes(path)) == -1) {
        PosixException failure = LibC.failed("chdir(" + path + ")");
        LibC.close(before);
        throw failure;
      }
    }

    @Override
    public void close() throws PosixException {
      if (before == -1) {
        return;
      }
      try {
        if (LibC.fchdir(before) == -1) {
          throw LibC.failed("fchdir(" + before + ")");
        }
      } finally {
        LibC.close(before);
      }
    }
  }

  /** An exec resets the signals that are handled, but not those that are ignored: signal(7). */
  private static final class Ignored implements AutoCloseable {

    private final Memory former = new Memory(LibC.SIZEOF_SIGACTION);
    private final List<Integer> signals = new ArrayList<>();

    Ignored() {
      for (int signal = 1; signal <= LibC.LAST_SIGNAL; signal++) {
        // Fails for those that libc keeps for itself.
        if (LibC.sigaction(signal, null, former) == 0 && former.getLong(0) == LibC.SIG_IGN) {
          signals.add(signal);
        }
      }
      setAll(LibC.SIG_DFL);
    }

    private void setAll(long handler) {
      try (Memory action = new Memory(LibC.SIZEOF_SIGACTION)) {
        action.clear();
        action.setLong(0, handler);
        signals.forEach(signal -> LibC.sigaction(signal, action, null));
      }
    }

    @Override
    public void close() {
      setAll(LibC.SIG_IGN);
      former.close();
    }
  }

  /** Ignored until {@link Processes#hear}. */
  private static final class Held implements AutoCloseable {

    private final Map<Integer, Memory> former = new HashMap<>();

    Held(Set<Integer> signals) {
      try (Memory ignore = new Memory(LibC.SIZEOF_SIGACTION)) {
        ignore.clear();
        ignore.setLong(0, LibC.SIG_IGN);
        for (int signal : signals) {
          Memory before = new Memory(LibC.SIZEOF_SIGACTION);
          LibC.sigaction(signal, ignore, before);
          former.put(signal, before);
        }
      }
    }

    @Override
    public void close() {
      former.forEach(
          (signal, before) -> {
            LibC.sigaction(signal, before, null);
            before.close();
          });
    }
  }

  /** What this thread blocks, as the new program begins with that: sigprocmask(2). */
  private static final class Mask implements AutoCloseable {

    private final Memory former = new Memory(LibC.SIZEOF_SIGSET);

    Mask(Set<Integer> held) {
      int[] all = new int[held.size() + 2];
      int next = 0;
      for (int signal : held) {
        all[next++] = signal;
      }
      all[next++] = Processes.USR1;
      all[next] = Processes.USR2;
      try (SignalSet blocked = SignalSet.of(all)) {
        // It fails only for an unknown first argument.
        LibC.pthread_sigmask(LibC.SIG_SETMASK, blocked.memory, former);
      }
    }

    @Override
    public void close() {
      LibC.pthread_sigmask(LibC.SIG_SETMASK, former, null);
      former.close();
    }
  }

  /** Descriptors without close-on-exec, alone from 3 up. */
  private static final class Survivors implements AutoCloseable {

    private final List<Integer> descriptors;

    Survivors(List<Integer> descriptors) throws PosixException {
      this.descriptors = descriptors;
      Descriptors.markAllCloseOnExecFrom(Descriptors.FIRST_AFTER_STANDARD);
      try {
        for (int fd : descriptors) {
          Descriptors.setCloseOnExec(fd, false);
        }
      } catch (PosixException e) {
        close();
        throw e;
      }
    }

    @Override
    public void close() {
      for (int fd : descriptors) {
        // Only EBADF can come of this, for the one that made it fail.
        if (fd >= Descriptors.FIRST_AFTER_STANDARD) {
          LibC.fcntl(fd, LibC.F_SETFD, LibC.FD_CLOEXEC);
        }
      }
    }
  }
}
