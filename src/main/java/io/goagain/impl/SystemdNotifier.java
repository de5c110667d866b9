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
 * that systemd takes for the main one; the others are ignored, with a warning in its log. With
 * {@code all} it is every process of the unit. What one process sends is read in order, and before
 * systemd learns of its exit, so a last word is not lost. Of two processes no order is known.
 */
final class SystemdNotifier {

  /** systemd drops a message of more than 4096 bytes whole, READY=1 and all. */
  private static final int MAX_STATUS = 1_000;

  /** What tells the names of listeners that we store from those of socket units. */
  static final String STORED = "goagain/";

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
   * process and waits for this, with MONOTONIC_USEC not before the signal, and then for READY=1.
   * With Type=notify it runs ExecReload=, and waits for READY=1 only if this is there before that
   * command has ended; which "kill" does too early, now and then.
   */
  void reloading() {
    if (socket != null) {
      send("RELOADING=1", "MONOTONIC_USEC=" + MonotonicClock.micros());
    }
  }

  /**
   * Another process is the main one from now on: MAINPID=. It has to live when this is read, and to
   * be in the unit's control group, as children are.
   *
   * <p>systemd looks only then whether it is a child of its own, which a successor is not while its
   * predecessor lives (service_set_main_pid() in its source). Until the next daemon-reload it does
   * not wait for one that was not: "systemctl stop" is SIGTERM and SIGKILL at once, whatever
   * KillMode= and TimeoutStopSec= say. So a successor sends its own pid, when its predecessor is
   * gone and its parent is another one. That needs NotifyAccess=all, and ExitType=cgroup (systemd
   * 250): otherwise the exit of the main process is the end of the service.
   *
   * <p>Sent by the main process instead, with {@code main}, it is the last that systemd hears from
   * it: {@link #ready} goes before it. And if the other one dies while it is a child of this one,
   * systemd does not learn of it, and takes the end of the service for a success. With {@code all}
   * this process can take it back, with its own pid.
   */
  void mainPid(long pid) {
    send("MAINPID=" + pid);
  }

  /**
   * The service as a whole ends: STOPPING=1. Not for a predecessor that drains: the unit is
   * stopping then, and what is left of it after TimeoutStopSec= is killed.
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
   * name; only where the store is full systemd logs a warning. It does not look whether the socket
   * is a socket unit's. FDPOLL=0 (systemd 246): otherwise it drops a listener that reports
   * EPOLLHUP.
   */
  void store(String name, int descriptor) {
    send(List.of(descriptor), "FDSTORE=1", "FDPOLL=0", "FDNAME=" + FdName.encode(STORED + name));
  }

  /** Has systemd close all that is stored under the name: FDSTOREREMOVE=1 (systemd 236). */
  void remove(String name) {
    send("FDSTOREREMOVE=1", "FDNAME=" + FdName.encode(STORED + name));
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
