package io.goagain.impl.posix;

import com.sun.jna.Memory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;

/** Processes by pid, and signals by number. */
public final class Processes {

  // bits/signum-generic.h, asm-generic/signal.h
  public static final int HUP = 1;
  public static final int INT = 2;
  public static final int QUIT = 3;
  public static final int KILL = 9;
  public static final int USR1 = 10;
  public static final int SEGV = 11;
  public static final int USR2 = 12;
  public static final int TERM = 15;
  public static final int CHLD = 17;
  public static final int CONT = 18;
  public static final int STOP = 19;
  public static final int WINCH = 28;

  /** By number, from 1. */
  private static final List<String> SIGNALS =
      List.of(
          "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
          "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
          "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS");

  private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

  private Processes() {}

  /**
   * How a process ended.
   *
   * @param code what it gave to exit(3); -1 if a signal killed it
   * @param signal what killed it; 0 if it exited
   */
  public record Exit(int code, int signal) {

    /** From the status of waitpid(2), as WIFEXITED and WTERMSIG do (bits/waitstatus.h). */
    static Exit of(int status) {
      int signal = status & 0x7f;
      return signal == 0 ? new Exit((status >> 8) & 0xff, 0) : new Exit(-1, signal);
    }

    @Override
    public String toString() {
      return signal == 0
          ? "exit code " + code
          : "killed by " + signalName(signal) + " (" + signal + ")";
    }
  }

  /** This process: getpid(2). */
  public static int pid() {
    return LibC.getpid();
  }

  /** The parent as it is now: getppid(2). It changes when the parent dies. */
  public static int parentPid() {
    return LibC.getppid();
  }

  /**
   * Sends a signal to one process: kill(2). Signal 0 only asks whether it exists, as a zombie too.
   *
   * @throws IllegalArgumentException if the pid is not positive: those name groups, and -1 everyone
   * @throws PosixException ESRCH if there is no such process; EPERM; EINVAL
   */
  public static void kill(int pid, int signal) throws PosixException {
    requireOneProcess(pid);
    if (LibC.kill(pid, signal) == -1) {
      throw LibC.failed("kill(" + pid + ", " + (signal == 0 ? "0" : signalName(signal)) + ")");
    }
  }

  /**
   * Lets a signal through to this thread, and to all that it starts from now on: sigprocmask(2).
   *
   * @throws PosixException EINVAL
   */
  public static void unblock(int signal) throws PosixException {
    try (SignalSet set = SignalSet.of(signal)) {
      int errno = LibC.pthread_sigmask(LibC.SIG_UNBLOCK, set.memory, null);
      if (errno != 0) {
        throw new PosixException("pthread_sigmask(SIG_UNBLOCK, " + signalName(signal) + ")", errno);
      }
    }
  }

  /**
   * Ends what {@link Exec} has begun for a signal that is held: its default action is back, so that
   * the JVM will install a handler for it. It stays blocked until {@link #unblock}.
   */
  public static void hear(int signal) {
    try (Memory action = new Memory(LibC.SIZEOF_SIGACTION)) {
      action.clear();
      action.setLong(0, LibC.SIG_DFL);
      // It fails only for signals that cannot be handled.
      LibC.sigaction(signal, action, null);
    }
  }

  /**
   * Waits until a child ends, and reaps it: waitpid(2). Blocks its thread, interrupts have no
   * effect. To be called once for each pid of {@link Spawn#spawn}: until then the child is a
   * zombie, and after that its pid may be another's.
   *
   * <p>It asks every 10 ms. A thread that is inside the kernel's own wait keeps the JVM from
   * ending: HotSpot waits 300 ms for threads in native code
   * (VM_Exit::wait_for_threads_in_native_to_block), and so would every predecessor that ends before
   * its successor does.
   *
   * @throws IllegalArgumentException if the pid is not positive: those name any child, the JVM's
   *     too
   * @throws PosixException ECHILD if it is not an unreaped child of this process
   */
  public static Exit waitFor(int pid) throws PosixException {
    requireOneProcess(pid);
    int[] status = new int[1];
    int reaped = LibC.waitpid(pid, status, LibC.WNOHANG);
    while (reaped == 0) {
      LockSupport.parkNanos(POLL_NANOS);
      boolean ignored = Thread.interrupted(); // or it would not wait again
      reaped = LibC.waitpid(pid, status, LibC.WNOHANG);
    }
    if (reaped == -1) {
      throw LibC.failed("waitpid(" + pid + ")");
    }
    return Exit.of(status[0]);
  }

  /**
   * The children that have ended and that nobody has reaped: proc_pid_stat(5). Pid 1 is given every
   * orphan of its container, and a process after an exec has the children of its former program.
   * Those of the JVM and of {@link #waitFor} are here only for a moment, as a thread waits for
   * each, which needs the exit code: only what is here twice, some time apart, is to be {@link
   * #reap reaped}.
   */
  public static Set<Integer> zombies() {
    return ProcessHandle.current()
        .children()
        .map(child -> Math.toIntExact(child.pid()))
        .filter(Processes::isZombie)
        .collect(Collectors.toUnmodifiableSet());
  }

  private static boolean isZombie(int pid) {
    try {
      Path file = Path.of("/proc/" + pid + "/stat");
      String stat = Files.readString(file, StandardCharsets.ISO_8859_1);
      // The name before the state is in parentheses, and may hold any byte.
      return stat.startsWith("Z", stat.lastIndexOf(')') + 2);
    } catch (IOException e) {
      return false; // somebody reaped it since
    }
  }

  /**
   * Reaps a child that has ended: waitpid(2) with WNOHANG.
   *
   * @return false if it has not ended, or is not an unreaped child of this process (any more)
   * @throws IllegalArgumentException if the pid is not positive
   */
  public static boolean reap(int pid) {
    requireOneProcess(pid);
    return LibC.waitpid(pid, new int[1], LibC.WNOHANG) == pid;
  }

  /**
   * How little this thread, and what it starts from now on, is to get of the processors:
   * setpriority(2), which on Linux is about one thread. It cannot be taken back without privileges.
   *
   * @param value 0 to 19, the least
   * @throws PosixException EACCES if it is lower than before
   */
  public static void nice(int value) throws PosixException {
    nice(0, value);
  }

  /** The same for another thread, by the number that the kernel has for it. */
  public static void nice(int thread, int value) throws PosixException {
    if (LibC.setpriority(LibC.PRIO_PROCESS, thread, value) == -1) {
      throw LibC.failed("setpriority(PRIO_PROCESS, " + thread + ", " + value + ")");
    }
  }

  /** {@code SIGTERM}; {@code signal 40} for those without a name. */
  public static String signalName(int signal) {
    return signal >= 1 && signal <= SIGNALS.size()
        ? "SIG" + SIGNALS.get(signal - 1)
        : "signal " + signal;
  }

  /**
   * The number of {@code TERM} or {@code SIGTERM}, in either case.
   *
   * @throws IllegalArgumentException if there is no such signal
   */
  public static int signalNumber(String name) {
    String upper = name.toUpperCase(Locale.ROOT);
    int index = SIGNALS.indexOf(upper.startsWith("SIG") ? upper.substring(3) : upper);
    if (index < 0) {
      throw new IllegalArgumentException("no such signal: " + name);
    }
    return index + 1;
  }

  private static void requireOneProcess(int pid) {
    if (pid <= 0) {
      throw new IllegalArgumentException("not a process: " + pid);
    }
  }
}
