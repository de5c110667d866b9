package io.goagain.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.RestartFailure;
import io.goagain.RestartOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NextCommandTest {

  @TempDir Path directory;
  private Path work;
  private Path bin;
  private Path sbin;

  @BeforeEach
  void makeDirectories() throws IOException {
    work = Files.createDirectory(directory.resolve("work"));
    bin = Files.createDirectory(directory.resolve("bin"));
    sbin = Files.createDirectory(directory.resolve("sbin"));
  }

  @Test
  void withoutOptionsItIsWhatWasTyped() throws Exception {
    Path app = executable(bin.resolve("app"));
    List<String> typed = List.of(app.toString(), "", "-Dname=value with spaces", "", "\u00fc");
    NextCommand next = resolve(typed, Map.of("PATH", "/nowhere"));
    assertEquals(app.toString(), next.path());
    assertEquals(typed, next.arguments());
    assertEquals(work.toString(), next.workingDirectory());
  }

  @Test
  void theCommandOfTheOptionsReplacesTheTypedOne() throws Exception {
    Path app = executable(bin.resolve("app"));
    List<String> command = List.of(app.toString(), "", "x");
    NextCommand next =
        resolve(List.of("/gone"), Map.of(), new RestartOptions().setCommand(command));
    assertEquals(app.toString(), next.path());
    assertEquals(command, next.arguments());
  }

  @Test
  void aNameIsLookedForOnPathAndTheFirstHitCounts() throws Exception {
    Path first = executable(bin.resolve("app"));
    executable(sbin.resolve("app"));
    NextCommand next = resolve(List.of("app", "x"), path(directory.resolve("gone"), bin, sbin));
    assertEquals(first.toString(), next.path());
    assertEquals(List.of("app", "x"), next.arguments());
  }

  @Test
  void whatCannotBeExecutedIsSkippedOnPath() throws Exception {
    file(bin.resolve("app"));
    Path second = executable(sbin.resolve("app"));
    assertEquals(second.toString(), resolve(List.of("app"), path(bin, sbin)).path());
  }

  @Test
  void aDirectoryOfTheNameIsSkippedOnPath() throws Exception {
    Files.createDirectory(bin.resolve("app"));
    Path second = executable(sbin.resolve("app"));
    assertEquals(second.toString(), resolve(List.of("app"), path(bin, sbin)).path());
  }

  @Test
  void whatCannotBeExecutedIsReportedIfNothingElseIsThere() throws Exception {
    Path file = file(bin.resolve("app"));
    RestartException failure = failure(List.of("app"), path(bin, sbin));
    assertEquals(RestartFailure.COMMAND_NOT_EXECUTABLE, failure.failure());
    assertContains(failure, file.toString());
  }

  @Test
  void aNameThatIsNowhereIsReportedWithThePath() {
    RestartException failure = failure(List.of("app"), path(bin, sbin));
    assertEquals(RestartFailure.COMMAND_NOT_FOUND, failure.failure());
    assertContains(failure, "\"app\"");
    assertContains(failure, bin + ":" + sbin);
  }

  @Test
  void anEmptyElementOfPathIsTheWorkingDirectory() throws Exception {
    Path app = executable(work.resolve("app"));
    for (String path : List.of(":" + bin, bin + ":", bin + "::" + sbin, "")) {
      assertEquals(app, executed(resolve(List.of("app"), Map.of("PATH", path))), path);
    }
  }

  @Test
  void aRelativeElementOfPathBelongsToTheWorkingDirectory() throws Exception {
    Path app = executable(bin.resolve("app"));
    assertEquals(app, executed(resolve(List.of("app"), Map.of("PATH", "../bin"))));
  }

  @Test
  void withoutPathTheUsualPlacesAreSearched() throws Exception {
    assertEquals("sh", Path.of(resolve(List.of("sh"), Map.of()).path()).getFileName().toString());
    RestartException failure = failure(List.of("certainly-not-installed"), Map.of());
    assertContains(failure, "/usr/bin");
  }

  @Test
  void thePathOfTheNextGenerationIsTheOneSearched() throws Exception {
    executable(bin.resolve("app"));
    Path next = executable(sbin.resolve("app"));
    RestartOptions options = new RestartOptions().setEnvironment(Map.of("PATH", sbin.toString()));
    assertEquals(next.toString(), resolve(List.of("app"), path(bin), options).path());
  }

  @Test
  void aRelativeCommandBelongsToTheWorkingDirectory() throws Exception {
    Path app = executable(work.resolve("app"));
    NextCommand next = resolve(List.of("./app"), Map.of());
    assertEquals("./app", next.path());
    assertEquals(app, executed(next));
  }

  @Test
  void aRelativeCommandFollowsAnotherWorkingDirectory() throws Exception {
    executable(work.resolve("app"));
    Path other = executable(sbin.resolve("app"));
    NextCommand next =
        resolve(
            List.of("./app"), Map.of(), new RestartOptions().setWorkingDirectory(sbin.toString()));
    assertEquals(sbin.toString(), next.workingDirectory());
    assertEquals(other, executed(next));
    RestartException failure =
        failure(
            List.of("./app"), Map.of(), new RestartOptions().setWorkingDirectory(bin.toString()));
    assertEquals(RestartFailure.COMMAND_NOT_FOUND, failure.failure());
    assertContains(failure, "./app");
    assertContains(failure, bin.toString());
  }

  @Test
  void aNameIsFoundFromARelativeWorkingDirectory() throws Exception {
    Path app = executable(bin.resolve("app"));
    NextCommand next =
        resolve(
            List.of("app"),
            Map.of("PATH", "../bin"),
            new RestartOptions().setWorkingDirectory("../work"));
    assertEquals(app, executed(next));
  }

  @Test
  void aSymbolicLinkIsFollowedAnewAtEachCall() throws Exception {
    executable(Files.createDirectory(directory.resolve("1")).resolve("app"));
    Path two = executable(Files.createDirectory(directory.resolve("2")).resolve("app"));
    Path current = Files.createSymbolicLink(directory.resolve("current"), Path.of("1"));
    List<String> typed = List.of(current.resolve("app").toString());
    assertEquals(typed.get(0), resolve(typed, Map.of()).path());

    Files.delete(current);
    Files.createSymbolicLink(current, Path.of("3"));
    assertEquals(RestartFailure.COMMAND_NOT_FOUND, failure(typed, Map.of()).failure());

    Files.delete(current);
    Files.createSymbolicLink(current, Path.of("2"));
    NextCommand next = resolve(typed, Map.of());
    // As it was typed, so that the one after it follows the link again.
    assertEquals(typed.get(0), next.path());
    assertEquals(two.toRealPath(), Path.of(next.path()).toRealPath());
  }

  @Test
  void aCommandThatIsGoneIsReportedAsTyped() {
    RestartException failure = failure(List.of("/gone/app", "x"), Map.of());
    assertEquals(RestartFailure.COMMAND_NOT_FOUND, failure.failure());
    assertContains(failure, "/gone/app");
  }

  @Test
  void aCommandThatIsADirectoryIsNotExecutable() {
    RestartException failure = failure(List.of(bin.toString()), Map.of());
    assertEquals(RestartFailure.COMMAND_NOT_EXECUTABLE, failure.failure());
    assertContains(failure, bin.toString());
  }

  @Test
  void aCommandWithoutTheModeIsNotExecutable() throws Exception {
    Path file = file(bin.resolve("app"));
    RestartException failure = failure(List.of(file.toString()), Map.of());
    assertEquals(RestartFailure.COMMAND_NOT_EXECUTABLE, failure.failure());
    assertContains(failure, file.toString());
  }

  @Test
  void aMissingWorkingDirectoryIsReportedByName() throws Exception {
    Path app = executable(bin.resolve("app"));
    String gone = directory.resolve("gone").toString();
    for (String noDirectory : List.of(gone, app.toString())) {
      RestartException failure =
          failure(
              List.of(app.toString()),
              Map.of(),
              new RestartOptions().setWorkingDirectory(noDirectory));
      assertEquals(RestartFailure.COMMAND_NOT_FOUND, failure.failure());
      assertContains(failure, noDirectory);
    }
    Files.delete(work);
    assertContains(failure(List.of(app.toString()), Map.of()), work.toString());
  }

  @Test
  void nothingOfAHandoverLivesOnInTheEnvironment() throws Exception {
    Map<String, String> environment =
        environment(
            Map.of("GOAGAIN_FD", "3", "GOAGAIN_HANDOVER", "{}", "GOAGAIN_", "", "A", "1"),
            new RestartOptions());
    assertEquals(Map.of("A", "1", "PWD", work.toString(), "_JAVA_SR_SIGNUM", "35"), environment);
  }

  @Test
  void whatSystemdMeantForOneProcessIsNotPassedOn() throws Exception {
    Map<String, String> environment =
        environment(
            Map.of(
                "LISTEN_PID", "17",
                "LISTEN_PIDFDID", "18",
                "LISTEN_FDS", "1",
                "LISTEN_FDNAMES", "app.socket",
                "LISTEN_ADDRESS", "the application's",
                "NOTIFY_SOCKET", "/run/notify",
                "WATCHDOG_USEC", "1000000"),
            new RestartOptions());
    assertEquals(
        Set.of("LISTEN_ADDRESS", "NOTIFY_SOCKET", "WATCHDOG_USEC", "PWD", "_JAVA_SR_SIGNUM"),
        environment.keySet());
  }

  @Test
  void theSuccessorTakesTheWatchdogOverFromWhomeverItWasMeantFor() throws Exception {
    long own = ProcessHandle.current().pid();
    for (long pid : new long[] {own, own + 1}) {
      Map<String, String> environment =
          environment(
              Map.of("WATCHDOG_USEC", "1", "WATCHDOG_PID", Long.toString(pid)),
              new RestartOptions());
      assertEquals(pid != own, environment.containsKey("WATCHDOG_PID"));
    }
  }

  @Test
  void theSuspendSignalOfTheJvmIsMovedOnlyWhereNobodyHasMovedIt() throws Exception {
    assertEquals("35", environment(Map.of(), new RestartOptions()).get("_JAVA_SR_SIGNUM"));
    assertEquals(
        "40",
        environment(Map.of("_JAVA_SR_SIGNUM", "40"), new RestartOptions()).get("_JAVA_SR_SIGNUM"));
    Map<String, String> removal = new HashMap<>();
    removal.put("_JAVA_SR_SIGNUM", null);
    assertFalse(
        environment(Map.of(), new RestartOptions().setEnvironment(removal))
            .containsKey("_JAVA_SR_SIGNUM"));
  }

  @Test
  void theOptionsAddChangeAndRemoveVariables() throws Exception {
    Map<String, String> changes = new HashMap<>();
    changes.put("ADDED", "");
    changes.put("CHANGED", "new");
    changes.put("REMOVED", null);
    changes.put("NEVER_THERE", null);
    Map<String, String> environment =
        environment(
            Map.of("CHANGED", "old", "REMOVED", "x", "KEPT", "\u00fc"),
            new RestartOptions().setEnvironment(changes));
    assertEquals(
        Map.of(
            "ADDED",
            "",
            "CHANGED",
            "new",
            "KEPT",
            "\u00fc",
            "PWD",
            work.toString(),
            "_JAVA_SR_SIGNUM",
            "35"),
        environment);
  }

  @Test
  void pwdNamesTheWorkingDirectory() throws Exception {
    assertEquals(
        sbin.toString(),
        environment(
                Map.of("PWD", work.toString()),
                new RestartOptions().setWorkingDirectory(sbin.toString()))
            .get("PWD"));
  }

  private Map<String, String> environment(Map<String, String> own, RestartOptions options)
      throws Exception {
    return resolve(List.of(executable(bin.resolve("app")).toString()), own, options).environment();
  }

  private NextCommand resolve(List<String> typed, Map<String, String> environment)
      throws RestartException {
    return resolve(typed, environment, new RestartOptions());
  }

  private NextCommand resolve(
      List<String> typed, Map<String, String> environment, RestartOptions options)
      throws RestartException {
    return NextCommand.resolve(new Launch(typed, work.toString(), environment), options);
  }

  private RestartException failure(List<String> typed, Map<String, String> environment) {
    return failure(typed, environment, new RestartOptions());
  }

  private RestartException failure(
      List<String> typed, Map<String, String> environment, RestartOptions options) {
    return assertThrows(RestartException.class, () -> resolve(typed, environment, options));
  }

  private static void assertContains(RestartException failure, String part) {
    assertTrue(failure.getMessage().contains(part), failure::getMessage);
  }

  /** What the kernel would find: it changes to the directory before it looks at the path. */
  private static Path executed(NextCommand next) throws IOException {
    return Path.of(next.workingDirectory()).toAbsolutePath().resolve(next.path()).toRealPath();
  }

  private static Map<String, String> path(Path... places) {
    return Map.of("PATH", String.join(":", List.of(places).stream().map(Path::toString).toList()));
  }

  private static Path file(Path path) throws IOException {
    return Files.writeString(path, "#!/bin/sh\n");
  }

  private static Path executable(Path path) throws IOException {
    return Files.setPosixFilePermissions(file(path), PosixFilePermissions.fromString("rwxr-xr-x"))
        .toRealPath();
  }
}
