package io.goagain.impl;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.WARNING;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.goagain.impl.posix.Datagram;
import io.goagain.impl.posix.MonotonicClock;
import io.goagain.impl.posix.PosixException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * What a process tells systemd about its service: sd_notify(3). Does nothing where there is no
 * {@code NOTIFY_SOCKET}. Each method is one datagram; that it was sent does not mean that systemd
 * minds it. A failure is logged, the first one as a warning, and never thrown. Any thread; blocks
 * for a second at most, if systemd does not read.
 *
 * <p>Who is listened to is decided by NotifyAccess=, systemd.service(5). With {@code main}, the
 * default where Type=notify, WatchdogSec= or FileDescriptorStoreMax= are set, it is the process
 * that systemd takes for the main one, and the others are ignored without a word. With {@code all}
 * it is every process of the unit. What one process sends is read in order, and before systemd
 * learns of its exit, so a last word is not lost. Of two processes no order is known.
 */
final class SystemdNotifier {

  /** systemd drops a message of 4096 bytes or more whole, READY=1 and all. */
  private static final int MAX_STATUS = 1_000;

  private static final System.Logger LOG = System.getLogger(SystemdNotifier.class.getName());

  private final String socket;
  private final long watchdogMillis;
  private final AtomicBoolean failed = new AtomicBoolean();

  private SystemdNotifier(String socket, long watchdogMillis) {
    this.socket = socket;
    this.watchdogMillis = watchdogMillis;
  }

  /** {@code NOTIFY_SOCKET}, {@code WATCHDOG_USEC} and {@code WATCHDOG_PID} are looked at. */
  static SystemdNotifier fromEnvironment(Map<String, String> environment, long ownPid) {
    String socket = environment.get("NOTIFY_SOCKET");
    if (socket == null || socket.isEmpty()) {
      return new SystemdNotifier(null, 0);
    }
    if (!socket.startsWith("/") && !socket.startsWith("@")) {
      LOG.log(WARNING, "NOTIFY_SOCKET is ignored: {0} is not a Unix socket", socket);
      return new SystemdNotifier(null, 0);
    }
    return new SystemdNotifier(socket, watchdogMillis(environment, ownPid));
  }

  private static long watchdogMillis(Map<String, String> environment, long ownPid) {
    String micros = environment.get("WATCHDOG_USEC");
    String pid = environment.get("WATCHDOG_PID");
    if (micros == null || (pid != null && !pid.equals(Long.toString(ownPid)))) {
      return 0;
    }
    try {
      return Math.max(0, Long.parseLong(micros) / 1_000);
    } catch (NumberFormatException e) {
      LOG.log(WARNING, "WATCHDOG_USEC is ignored: {0} is no number", micros);
      return 0;
    }
  }

  /** Whether anybody is told. */
  boolean isThere() {
    return socket != null;
  }

  /**
   * The service is up, or has finished a reload: READY=1. To be sent by the main process, with
   * {@code main} by nobody else.
   *
   * @param status as in {@link #status}, or null
   */
  void ready(String status) {
    if (status == null) {
      send("READY=1");
    } else {
      send("READY=1", statusLine(status));
    }
  }

  /** What "systemctl status" shows: STATUS=, one line, cut after 1000 characters. */
  void status(String status) {
    send(statusLine(status));
  }

  /**
   * A restart begins: RELOADING=1. Has to be followed by {@link #ready}, also if the restart fails,
   * within TimeoutStartSec=. To be sent by the main process.
   *
   * <p>With Type=notify-reload (systemd 253) "systemctl reload" sends ReloadSignal= to the main
   * process and waits for this, with MONOTONIC_USEC not before the signal, and for READY=1. With
   * Type=notify it runs ExecReload=; what it has waited for, if this arrives before that command
   * has ended, is READY=1.
   */
  void reloading() {
    if (socket != null) {
      send("RELOADING=1", "MONOTONIC_USEC=" + MonotonicClock.micros());
    }
  }

  /**
   * Another process is the main one from now on: MAINPID=. Without it systemd takes the exit of
   * this process for the end of the service, and kills the rest.
   *
   * <p>To be sent by the process that is the main one, while both live and the other is in the
   * unit's control group, which a child is. With {@code main}, it is the last that systemd hears
   * from this process, so {@link #ready} goes before it; and if the other process dies, nobody can
   * take it back. With {@code all} this process can, with its own pid, and has to: as long as the
   * other one is a child of this one, systemd is not told of its end.
   */
  void mainPid(long pid) {
    send("MAINPID=" + pid);
  }

  /**
   * The service as a whole ends: STOPPING=1. Not for a predecessor that drains: systemd would go on
   * to stop the unit, from version 259 on for good.
   */
  void stopping() {
    send("STOPPING=1");
  }

  /**
   * Starting, reloading or stopping takes longer: EXTEND_TIMEOUT_USEC=. The timeout of the unit is
   * over that many milliseconds from now, if it would be over earlier.
   */
  void extendTimeout(long millis) {
    send("EXTEND_TIMEOUT_USEC=" + TimeUnit.MILLISECONDS.toMicros(millis));
  }

  /** This process is alive: WATCHDOG=1. Twice within {@link #watchdogMillis} is usual. */
  void watchdog() {
    send("WATCHDOG=1");
  }

  /**
   * Within how many milliseconds systemd wants each {@link #watchdog}; 0 if it wants none:
   * sd_watchdog_enabled(3).
   *
   * <p>{@code WATCHDOG_PID} names whom {@code WATCHDOG_USEC} was meant for, so that programs which
   * only inherited it do not answer for others. systemd itself does not look at it again: it takes
   * WATCHDOG=1 from whomever NotifyAccess= lets speak, and the clock is the unit's, so that it runs
   * on when the main process changes. The successor of the process that is named has to go on
   * pinging; for that {@link NextCommand} removes the name, and unset means everybody.
   */
  long watchdogMillis() {
    return watchdogMillis;
  }

  /**
   * Has systemd keep a duplicate until the unit is stopped: FDSTORE=1. After a crash it is among
   * the descriptors of {@link SocketActivation}. Needs FileDescriptorStoreMax=; beyond that number
   * systemd drops it.
   *
   * <p>What is stored already, by whatever process and name, is recognized and keeps its first
   * name, unless the store is full, where systemd logs a warning. FDPOLL=0 (systemd 246): otherwise
   * it drops a listener that reports EPOLLHUP.
   */
  void store(String name, int descriptor) {
    send(List.of(descriptor), "FDSTORE=1", "FDPOLL=0", "FDNAME=" + FdName.encode(name));
  }

  /** Has systemd close all that is stored under the name: FDSTOREREMOVE=1 (systemd 236). */
  void remove(String name) {
    send("FDSTOREREMOVE=1", "FDNAME=" + FdName.encode(name));
  }

  /** A line feed would begin another assignment. */
  private static String statusLine(String status) {
    String line = status.replaceAll("\\p{Cntrl}+", " ");
    return "STATUS=" + line.substring(0, Math.min(line.length(), MAX_STATUS));
  }

  private void send(String... assignments) {
    send(List.of(), assignments);
  }

  private void send(List<Integer> descriptors, String... assignments) {
    if (socket == null) {
      return;
    }
    try {
      Datagram.send(socket, String.join("\n", assignments).getBytes(UTF_8), descriptors);
    } catch (PosixException e) {
      LOG.log(
          failed.getAndSet(true) ? DEBUG : WARNING,
          "systemd was not told {0}: {1}; more failures are logged as DEBUG",
          assignments[0],
          e.getMessage());
    }
  }
}
