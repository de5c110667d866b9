package io.goagain.process;

import static io.goagain.process.SingleApp.assertNothingLost;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.load.Failure;
import io.goagain.load.Load;
import io.goagain.load.Report;
import io.goagain.load.Workload;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The units in conf/systemd, under a real systemd. Pids are those in its namespace. */
@EnabledOnOs(OS.LINUX)
@Timeout(300)
class SystemdIT {

  private static final String APP = "app.service";
  private static final Path UNITS = Path.of("conf", "systemd");
  private static final String QUICK = "{\"probation\":300}";
  private static final int RELOADS = 5;

  private Systemd systemd;
  private Path output;

  @BeforeEach
  void startSystemd() throws Exception {
    systemd = Systemd.start();
    output = systemd.directory().resolve("output");
    Files.createFile(output);
  }

  @AfterEach
  void close() {
    if (systemd != null) {
      systemd.close();
    }
  }

  /** The unit as it is in conf/systemd, with a program that is there. */
  private String unit(String... arguments) throws IOException {
    return unitOf(APP, arguments);
  }

  private String unitOf(String file, String... arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(AppProcess.java());
    command.addAll(AppProcess.FAST);
    command.addAll(List.of("-jar", AppProcess.examples().toString(), "single"));
    for (String argument : arguments) {
      command.add("'" + argument + "'");
    }
    return Files.readString(UNITS.resolve(file))
        .replaceAll(
            "(?m)^ExecStart=.*$",
            Matcher.quoteReplacement(
                "ExecStart=%s\nStandardOutput=append:%s\nStandardError=append:%2$s"
                    .formatted(String.join(" ", command), output)));
  }

  private MatchResult await(String pattern) throws Exception {
    Pattern wanted = Pattern.compile(pattern, Pattern.MULTILINE);
    MatchResult[] found = new MatchResult[1];
    systemd.await(
        pattern,
        () -> {
          Matcher matcher = wanted.matcher(printed());
          boolean there = matcher.find();
          found[0] = there ? matcher.toMatchResult() : null;
          return there;
        });
    return found[0];
  }

  private String printed() {
    try {
      return Files.readString(output);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private SocketAddress publicAddress() throws Exception {
    int port = Integer.parseInt(await("^listening public .*:(\\d+)$").group(1));
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
  }

  private static Load load(SocketAddress address) {
    Load load = Load.usual(address);
    load.start();
    return load;
  }

  /** Reloads, and waits until the main process is the one that says that it is this generation. */
  private void reload(int generation) throws Exception {
    systemd.systemctl("reload app");
    systemd.awaitProperty(
        APP, "StatusText", status -> status.startsWith("generation " + generation + " serves, "));
    awaitMain(generation);
  }

  private void awaitMain(int generation) throws Exception {
    String pid =
        await("(?s).*^ready generation=%d pid=(\\d+)$".formatted(generation)).group(1); // the last
    try {
      systemd.awaitProperty(APP, "MainPID", pid::equals);
    } catch (AssertionError e) {
      throw new AssertionError(printed(), e);
    }
    // All is done when the new main process says so itself.
    systemd.awaitProperty(
        APP, "StatusText", ("generation %d serves, process %s".formatted(generation, pid))::equals);
    assertEquals("active", systemd.property(APP, "ActiveState"));
  }

  /** Stops with a request in flight, which is answered. */
  private void stopWell(SocketAddress address, boolean waits) throws Exception {
    try (Clients clients = new Clients();
        RawHttp wire = RawHttp.connect(address)) {
      assertEquals(200, wire.get("/").status());
      if (waits) {
        wire.send(RawHttp.request("/slow?millis=1500"));
        Future<RawHttp.Answer> answer = clients.start(wire::answer);
        systemd.systemctl("stop app");
        assertEquals("slow 1500\n", answer.get().text());
      } else {
        systemd.systemctl("stop app");
      }
    }
    // Where the main process is not systemd's child, it is not waited for: a stop kills it then.
    String state = systemd.property(APP, "ActiveState");
    assertTrue(state.equals("inactive") || (!waits && state.equals("failed")), state);
    assertNoProcesses();
  }

  private void assertNoProcesses() {
    // The brackets keep this command from finding itself.
    String found =
        systemd.run("grep -lz 'goagain-example[s]' /proc/[0-9]*/cmdline 2>/dev/null").output();
    assertEquals("", found, this::printed);
  }

  @Test
  void reloadsUnderLoad() throws Exception {
    systemd.unit(APP, unit("--port", "0", "--options", QUICK));
    systemd.systemctl("start app");
    SocketAddress address = publicAddress();
    Integer[] generations = new Integer[RELOADS + 1];
    try (Load load = load(address)) {
      load.awaitRequests(50);
      generations[0] = 1;
      for (int i = 1; i <= RELOADS; i++) {
        reload(i + 1);
        generations[i] = i + 1;
      }
      assertNothingLost(load, generations);
    }
    stopWell(address, true);
    assertEquals("success", systemd.property(APP, "Result"));
    assertEquals("0", systemd.property(APP, "NRestarts"));
  }

  /** As before systemd 250, which has no ExitType=. */
  @ParameterizedTest
  @ValueSource(strings = {"main", "all"})
  void reloadsWhereThePredecessorNamesTheMainProcess(String access) throws Exception {
    systemd.unit(
        APP,
        unit("--port", "0", "--options", QUICK)
            .replace("ExitType=cgroup\n", "")
            .replace("NotifyAccess=all", "NotifyAccess=" + access));
    systemd.systemctl("start app");
    SocketAddress address = publicAddress();
    try (Load load = load(address)) {
      load.awaitRequests(50);
      reload(2);
      reload(3);
      assertNothingLost(load, 1, 2, 3);
    }
    stopWell(address, false);
  }

  /** They ask each for itself, and systemd may be too busy to answer one of them. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void reloadsWhereOneOfTheTwoCannotAskSystemd(int deaf) throws Exception {
    Path programs = Files.createDirectory(systemd.directory().resolve("programs"));
    Path systemctl = programs.resolve("systemctl");
    Path asked = systemd.directory().resolve("asked");
    Files.writeString(
        systemctl,
        """
        #!/bin/sh
        echo >> "%1$s"
        [ "$(wc -l < "%1$s")" = %2$d ] && exit 1
        PATH=/usr/bin:/bin exec systemctl "$@"
        """
            .formatted(asked, deaf));
    Files.setPosixFilePermissions(systemctl, PosixFilePermissions.fromString("rwxr-xr-x"));
    systemd.unit(
        APP,
        unit("--port", "0", "--options", QUICK)
            .replace("ExecStart=", "Environment=PATH=" + programs + ":/usr/bin:/bin\nExecStart="));
    systemd.systemctl("start app");
    SocketAddress address = publicAddress();
    reload(2);
    reload(3);
    stopWell(address, true);
    assertEquals(3, Files.readAllLines(asked).size());
  }

  /** On probation the old process is the main one: the new one takes its place. */
  @Test
  void theMainProcessIsKilledOnProbation() throws Exception {
    systemd.unit(APP, unit("--port", "0", "--options", "{\"probation\":120000}"));
    systemd.systemctl("start app");
    SocketAddress address = publicAddress();
    systemd.systemctl("reload app");
    String main = systemd.property(APP, "MainPID");
    systemd.awaitProperty(APP, "StatusText", status -> status.endsWith("; generation 1 drains"));
    systemd.run("kill -9 " + main);
    awaitMain(2);
    assertEquals("0", systemd.property(APP, "NRestarts"));
    try (Clients clients = new Clients();
        RawHttp wire = RawHttp.connect(address)) {
      assertEquals(2, wire.get("/").generation());
      wire.send(RawHttp.request("/slow?millis=1500"));
      Future<RawHttp.Answer> answer = clients.start(wire::answer);
      systemd.systemctl("stop app");
      assertEquals("slow 1500\n", answer.get().text());
    }
    assertNoProcesses();
  }

  /**
   * The stand-in serves for a process that will not come back, and systemd is in a reload: it
   * starts the service anew, with the listeners.
   */
  @Test
  void theMainProcessIsKilledWhileAnotherStandsIn() throws Exception {
    systemd.unit(APP, unit("--port", "0", "--options", "{\"strategy\":\"double\"}"));
    systemd.systemctl("start app");
    SocketAddress address = publicAddress();
    try (RawHttp wire = RawHttp.connect(address);
        Load load = new Load().add(Workload.connects(address, 2, 50))) {
      wire.send(RawHttp.request("/slow?millis=120000"));
      systemd.systemctl("reload app");
      systemd.awaitProperty(APP, "StatusText", status -> status.contains(" stands in for "));
      load.start();
      load.awaitRequests(10);
      systemd.run("kill -9 " + systemd.property(APP, "MainPID"));
      systemd.awaitProperty(APP, "NRestarts", "1"::equals);
      systemd.awaitProperty(APP, "ActiveState", "active"::equals);
      load.awaitRequests(10);
      Report report = load.stop();
      assertEquals(0, report.failed(), report::toString);
    }
    awaitMain(1);
    stopWell(address, true);
  }

  /** The pid stays. */
  @Test
  void reloadsInTheDoubleStrategy() throws Exception {
    systemd.unit(
        APP, unit("--port", "0", "--options", "{\"probation\":300,\"strategy\":\"double\"}"));
    systemd.systemctl("start app");
    String pid = systemd.property(APP, "MainPID");
    SocketAddress address = publicAddress();
    try (Load load = load(address)) {
      load.awaitRequests(50);
      reload(3);
      assertEquals(pid, systemd.property(APP, "MainPID"));
      reload(5);
      assertEquals(pid, systemd.property(APP, "MainPID"));
      assertNothingLost(load, 1, 2, 3, 4, 5);
    }
    stopWell(address, true);
    assertEquals("success", systemd.property(APP, "Result"));
  }

  @Test
  void reloadWaitsWhereSystemdCanDoThat() throws Exception {
    systemd.atLeast(253);
    systemd.unit(
        APP,
        unit("--port", "0", "--options", QUICK)
            .replace("Type=notify\n", "Type=notify-reload\nReloadSignal=SIGUSR2\n")
            .replaceAll("(?m)^ExecReload=.*$", ""));
    systemd.systemctl("start app");
    SocketAddress address = publicAddress();
    systemd.systemctl("reload app");
    try (RawHttp wire = RawHttp.connect(address)) {
      assertEquals(2, wire.get("/").generation());
    }
    stopWell(address, true);
  }

  /** Two instances of a unit know nothing of each other: the second one takes over. */
  @Test
  void aReleaseTakesOverFromTheOneBefore() throws Exception {
    systemd.unit(
        "app-release@.service",
        unitOf(
            "app-release@.service",
            "--port",
            "0",
            "--control-socket",
            "${RUNTIME_DIRECTORY}/control.sock",
            "--options",
            QUICK));
    systemd.systemctl("start app-release@1");
    SocketAddress address = publicAddress();
    try (Load load = load(address)) {
      load.awaitRequests(50);
      systemd.systemctl("start app-release@2");
      systemd.awaitProperty("app-release@1", "ActiveState", "inactive"::equals);
      assertEquals("success", systemd.property("app-release@1", "Result"));
      // A stop that is asked for while the next release boots waits until that serves.
      systemd.systemctl("start --no-block app-release@3");
      await("generation 2: process \\d+ takes over$");
      systemd.systemctl("stop app-release@2");
      systemd.awaitProperty("app-release@3", "ActiveState", "active"::equals);
      load.awaitRequests(50);
      Report report = load.stop();
      assertEquals(0, report.failed(), report::toString);
    }
    String main = systemd.property("app-release@3", "MainPID");
    String reload = "curl -sS --unix-socket $XDG_RUNTIME_DIR/app/control.sock ";
    assertTrue(
        systemd.run(reload + "http://goagain/status").output().contains("\"pid\":" + main),
        this::printed);
    systemd.systemctl("stop app-release@3");
    assertEquals("inactive", systemd.property("app-release@3", "ActiveState"));
    assertNoProcesses();
  }

  @Test
  void aReloadThatFailsIsInTheStatus() throws Exception {
    systemd.unit(APP, unit("--port", "0", "--options", "{\"command\":[\"/no/such/program\"]}"));
    systemd.systemctl("start app");
    String pid = systemd.property(APP, "MainPID");
    systemd.systemctl("reload app");
    String status = systemd.awaitProperty(APP, "StatusText", text -> text.contains("failed"));
    assertTrue(status.contains("/no/such/program"), status);
    assertEquals(pid, systemd.property(APP, "MainPID"));
    systemd.awaitProperty(APP, "ActiveState", "active"::equals);
    stopWell(publicAddress(), true);
  }

  /** The first connection is made before the service runs, and the path stays systemd's. */
  @Test
  void socketActivation() throws Exception {
    Path path = systemd.directory().resolve("http.sock");
    systemd.unit(
        "app.socket",
        Files.readString(UNITS.resolve("app.socket"))
            .replaceAll("(?m)^ListenStream=.*$", "ListenStream=" + path)
            .replace("FileDescriptorName=public", "FileDescriptorName=unix"));
    systemd.unit(APP, unit("--port", "0", "--unix", path.toString(), "--options", QUICK));
    systemd.systemctl("start app.socket");
    for (int start = 1; start <= 2; start++) {
      assertEquals("inactive", systemd.property(APP, "ActiveState"));
      try (RawHttp wire = RawHttp.connect(UnixDomainSocketAddress.of(path))) {
        assertEquals(1, wire.get("/").generation());
      }
      systemd.awaitProperty(APP, "ActiveState", "active"::equals);
      reload(2);
      try (RawHttp wire = RawHttp.connect(UnixDomainSocketAddress.of(path))) {
        assertEquals(2, wire.get("/").generation());
      }
      systemd.systemctl("stop app");
      assertTrue(Files.exists(path), "systemd listens there");
      Files.writeString(output, "");
    }
  }

  /** After a SIGKILL the next start has the listeners: nobody was refused meanwhile. */
  @ParameterizedTest
  @CsvSource({"0", "2"})
  void descriptorStore(int reloads) throws Exception {
    Path path = systemd.directory().resolve("http.sock");
    systemd.unit(APP, unit("--port", "0", "--unix", path.toString(), "--options", QUICK));
    systemd.systemctl("start app");
    SocketAddress address = publicAddress();
    for (int i = 1; i <= reloads; i++) {
      reload(i + 1);
    }
    String pid = systemd.property(APP, "MainPID");
    try (Load load = new Load().add(Workload.connects(address, 8, 200))) {
      load.start();
      load.awaitRequests(50);
      systemd.run("kill -9 " + pid);
      systemd.awaitProperty(APP, "NRestarts", "1"::equals);
      systemd.awaitProperty(APP, "ActiveState", "active"::equals);
      load.awaitRequests(50);
      Report report = load.stop();
      // What the dead process had accepted is lost, and that is all: one for each client at most.
      Set<Failure> owned =
          EnumSet.of(
              Failure.CONNECT_RESET, Failure.RESET, Failure.CLOSED_EARLY, Failure.CLOSED_ON_REUSE);
      assertTrue(owned.containsAll(report.failures().keySet()), report::toString);
      assertTrue(report.failed() <= 8, report::toString);
    }
    try (RawHttp wire = RawHttp.connect(UnixDomainSocketAddress.of(path))) {
      assertEquals(1, wire.get("/").generation());
    }
    systemd.systemctl("stop app");
    assertTrue(Files.notExists(path), "it was ours");
    assertNoProcesses();
  }

  @Test
  void allUnitsAreValid() throws Exception {
    for (String name : List.of(APP, "app.socket", "app@.service", "app-release@.service")) {
      // The programs of the examples need not be installed.
      String unit =
          Files.readString(UNITS.resolve(name)).replace("/usr/bin/java", AppProcess.java());
      systemd.unit(name, unit);
    }
    Systemd.Result result =
        systemd.run(
            "systemd-analyze --user verify app.service app.socket app@1.service app-release@1.service");
    assertEquals(new Systemd.Result(0, ""), result);
  }
}
