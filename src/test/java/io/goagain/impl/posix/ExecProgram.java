package io.goagain.impl.posix;

import io.goagain.impl.posix.Spawn.Command;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import sun.misc.Signal;

/**
 * A JVM that becomes another program. Its descriptor 3 is where {@link ExecTest} reads, and {@link
 * #FAR} is the same for what it becomes. Arguments: a signal to leave pending, SIGUSR2 or 0 for
 * none; working directory; path; argv.
 */
final class ExecProgram {

  /** Beyond all that the JVM has open. */
  static final int FAR = 200;

  private ExecProgram() {}

  public static void main(String[] arguments) throws Exception {
    // As JDK and Netty sockets are.
    Descriptors.setCloseOnExec(Descriptors.duplicate(3), false);
    if (Descriptors.duplicateAbove(3, FAR) != FAR) {
      throw new AssertionError(Descriptors.open());
    }
    TestLibC.signal(Processes.WINCH, TestLibC.SIG_IGN);
    // All threads block it, as Spawn left it, and _JAVA_SR_SIGNUM is set.
    Processes.kill(Processes.pid(), Integer.parseInt(arguments[0]));
    List<String> argv = new ArrayList<>(List.of(arguments).subList(3, arguments.length));
    argv.add("gr\u00fc\u00df");
    argv.add("");
    List<String> environment =
        List.of("PATH=/usr/bin:/bin", "_JAVA_SR_SIGNUM=35", "EMPTY=", "\u00dc=\u20ac");
    Exec.execve(
        new Command(arguments[2], argv, environment, arguments[1], List.of(FAR, 3)), Set.of());
  }

  /** What it becomes, to show that the signal gets there. */
  static final class Next {

    private Next() {}

    public static void main(String[] arguments) throws Exception {
      CountDownLatch received = new CountDownLatch(1);
      Signal.handle(new Signal("USR2"), signal -> received.countDown());
      Processes.unblock(Processes.USR2);
      received.await();
      System.exit(42);
    }
  }
}
