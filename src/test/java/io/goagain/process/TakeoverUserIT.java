package io.goagain.process;

import static io.goagain.process.Takeovers.assertAllKept;
import static io.goagain.process.Takeovers.assertExit;
import static io.goagain.process.Takeovers.assertFails;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.goagain.load.Load;
import io.vertx.core.json.JsonArray;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who may take over: the mode of the socket's file lets a process in, its user is asked after. */
@Timeout(300)
class TakeoverUserIT {
  private static final String USER = "65534";
  private static final Path CURL = Path.of("/usr/bin/curl");
  private static final String[] AS_USER = {
    "setpriv", "--reuid", USER, "--regid", USER, "--clear-groups"
  };

  @BeforeAll
  static void findSetpriv() {
    Supervised.assumeInstalled("util-linux", "setpriv");
    assumeTrue("root".equals(System.getProperty("user.name")), "another user needs root");
  }

  /** In a directory that others may look into; the examples are in it, for them to be read. */
  private static Takeovers takeovers() throws Exception {
    Takeovers takeovers = Takeovers.single();
    Path temporary = Files.createDirectory(takeovers.directory().resolve("tmp"));
    Files.setPosixFilePermissions(temporary, PosixFilePermissions.fromString("rwxrwxrwx"));
    Files.setPosixFilePermissions(
        takeovers.directory(), PosixFilePermissions.fromString("rwxr-xr-x"));
    Path jar = Files.copy(AppProcess.examples(), takeovers.directory().resolve("app.jar"));
    return takeovers.jar(jar).workingDirectory(takeovers.directory());
  }

  @Test
  void theModeKeepsOthersOut() throws Exception {
    try (Takeovers takeovers = takeovers()) {
      AppProcess first = takeovers.start(1);
      takeovers.wrapper(AS_USER);
      assertFails(takeovers.launch(), "uid 65534, may not connect to");
      takeovers.awaitServing(first.pid(), 1);
      takeovers.wrapper().assertGoesOn(first, 1);
    }
  }

  @Test
  void anotherUserIsRefusedWhateverTheMode() throws Exception {
    try (Takeovers takeovers = takeovers()) {
      AppProcess first = takeovers.option("controlSocketMode", "0666").start(1);
      takeovers.wrapper(AS_USER);
      assertFails(takeovers.launch(), "of uid 65534 may not use the control socket, only uid 0");
      if (Files.isExecutable(CURL)) {
        List<String> command = new ArrayList<>(List.of(AS_USER));
        command.addAll(
            List.of(CURL.toString(), "-sS", "-w", "%{http_code}", "http://goagain/status"));
        command.addAll(List.of("--unix-socket", takeovers.path().toString()));
        String said = Supervised.run(command.toArray(String[]::new));
        assertTrue(said.endsWith("403") && said.contains("controlSocketUsers"), said);
      }
      takeovers.awaitServing(first.pid(), 1);
      takeovers.wrapper().assertGoesOn(first, 1);
    }
  }

  @Test
  void aUserThatIsNamedTakesOver() throws Exception {
    try (Takeovers takeovers = takeovers()) {
      takeovers.option("controlSocketMode", "0666");
      takeovers.option("controlSocketUsers", new JsonArray().add(USER));
      AppProcess first = takeovers.start(1);
      Load load = takeovers.load();
      AppProcess second = takeovers.wrapper(AS_USER).takeOver(first, 2);
      takeovers.awaitServing(second.pid(), 2);
      String owner = Files.getOwner(Path.of("/proc", Long.toString(second.pid()))).getName();
      assertTrue(owner.equals("nobody") || owner.equals(USER), owner);
      AppProcess third = takeovers.wrapper().takeOver(second, 3);
      takeovers.awaitServing(third.pid(), 3);
      assertAllKept(load, 1, 2, 3);
      third.signal("TERM");
      assertExit(third, 0);
      assertTrue(Files.notExists(takeovers.path()));
    }
  }

  /** It may not remove the file, which is stale then, and is replaced. */
  @Test
  void aUserThatMayNotWriteTheDirectoryStopsWell() throws Exception {
    try (Takeovers takeovers = takeovers()) {
      takeovers.option("controlSocketMode", "0666");
      takeovers.option("controlSocketUsers", new JsonArray().add(USER));
      AppProcess first = takeovers.start(1);
      AppProcess second = takeovers.wrapper(AS_USER).takeOver(first, 2);
      takeovers.awaitServing(second.pid(), 2);
      second.signal("TERM");
      assertExit(second, 0);
      assertTrue(Files.exists(takeovers.path()));
      AppProcess next = takeovers.wrapper().start(1);
      takeovers.assertGoesOn(next, 1);
    }
  }
}
