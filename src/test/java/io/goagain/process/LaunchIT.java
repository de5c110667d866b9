package io.goagain.process;

import static io.goagain.process.SingleApp.assertNothingLost;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.RestartFailure;
import io.goagain.load.Load;
import io.goagain.process.AppProcess.Generation;
import io.goagain.process.SingleApp.Reply;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the next generation is started as: the command, the directory, the environment. */
@Timeout(300)
class LaunchIT {

  @Test
  void relativeCommandIsTakenFromTheDirectory() throws Exception {
    SingleApp.Starter starter = SingleApp.starter();
    Path directory = Files.createDirectory(starter.directory().resolve("app"));
    Files.createSymbolicLink(directory.resolve("java-link"), Path.of(AppProcess.java()));
    Files.createSymbolicLink(directory.resolve("app.jar"), AppProcess.examples());
    starter.workingDirectory(directory).command("./java-link", "app.jar");
    try (SingleApp app = starter.start()) {
      long first = app.process().pid();
      List<String> typed = SingleApp.strings(first, "cmdline");
      assertEquals("./java-link", typed.get(0));
      Load load = app.load();
      app.process().signal("USR2");
      Generation second = app.handedOver(new Generation(1, first));
      assertEquals(typed, SingleApp.strings(second.pid(), "cmdline"));
      assertEquals(directory, workingDirectory(second.pid()));
      assertNothingLost(load, 1, 2);
    }
  }

  @Test
  void linkThatWasSwitchedIsFollowedAgain() throws Exception {
    SingleApp.Starter starter = SingleApp.starter();
    Path oldJar = Files.copy(AppProcess.examples(), starter.directory().resolve("v1.jar"));
    Path newJar = Files.copy(AppProcess.examples(), starter.directory().resolve("v2.jar"));
    Path current = Files.createSymbolicLink(starter.directory().resolve("current.jar"), oldJar);
    starter.command(AppProcess.java(), current.toString());
    try (SingleApp app = starter.start();
        Wire held = Wire.held(app.address("public"))) {
      long first = app.process().pid();
      Load load = app.load();
      switchTo(current, newJar);
      app.process().signal("USR2");
      Generation second = app.process().awaitReady(2);
      assertEquals(SingleApp.strings(first, "cmdline"), SingleApp.strings(second.pid(), "cmdline"));
      assertTrue(hasOpen(app, first, oldJar));
      assertTrue(hasOpen(app, second.pid(), newJar));
      assertFalse(hasOpen(app, second.pid(), oldJar));
      Files.delete(oldJar);
      load.awaitRequests(20);
      held.finish();
      app.handedOver(new Generation(1, first));
      assertNothingLost(load, 1, 2);
    }
  }

  @Test
  void workingDirectoryBehindALinkIsFollowedAgain() throws Exception {
    SingleApp.Starter starter = SingleApp.starter();
    Path old = Files.createDirectory(starter.directory().resolve("1"));
    Path young = Files.createDirectory(starter.directory().resolve("2"));
    Path current = Files.createSymbolicLink(starter.directory().resolve("current"), old);
    try (SingleApp app = starter.workingDirectory(current).start()) {
      assertEquals(old, workingDirectory(app.process().pid()));
      Load load = app.load();
      switchTo(current, young);
      app.restartWell(null);
      long second = app.process().newest().pid();
      assertEquals(young, workingDirectory(second));
      assertTrue(SingleApp.strings(second, "environ").contains("PWD=" + current));
      // And once for a request: a directory of its own.
      app.restartWell(new JsonObject().put("workingDirectory", old.toString()));
      assertEquals(old, workingDirectory(app.process().newest().pid()));
      assertNothingLost(load, 1, 2, 3);
    }
  }

  @Test
  void deletedWorkingDirectoryIsNamed() throws Exception {
    SingleApp.Starter starter = SingleApp.starter();
    Path directory = Files.createDirectory(starter.directory().resolve("gone"));
    try (SingleApp app = starter.workingDirectory(directory).start()) {
      Load load = app.load();
      Files.delete(directory);
      Reply reply = app.restart();
      assertEquals(500, reply.status(), reply::toString);
      assertEquals(RestartFailure.COMMAND_NOT_FOUND.code(), reply.code(), reply::toString);
      assertTrue(reply.message().contains(directory.toString()), reply::toString);
      app.log("restart failed, generation 1 goes on: COMMAND_NOT_FOUND: .*" + directory);
      Files.createDirectory(directory);
      app.restartWell(null);
      assertEquals(directory, workingDirectory(app.process().newest().pid()));
      assertNothingLost(load, 1, 2);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "garbage",
        "{}",
        "[]",
        "null",
        "{\"generation\":7,\"predecessor\":PID,\"messages\":0,\"listeners\":[]}",
        "{\"generation\":7,\"predecessor\":PID,\"messages\":5,\"listeners\":[{\"fd\":3}]}",
        "{\"generation\":7,\"predecessor\":PID,\"messages\":-1,\"listeners\":[]}",
        "{\"generation\":\"x\",\"predecessor\":PID,\"messages\":{}}"
      })
  void staleVariablesAreIgnored(String handover) throws Exception {
    String pid = Long.toString(ProcessHandle.current().pid());
    SingleApp.Starter starter = SingleApp.starter();
    starter.environment("GOAGAIN_HANDOVER", handover.replace("PID", pid));
    starter.environment("GOAGAIN_PPID", pid).environment("GOAGAIN_PID", "1");
    starter.environment("GOAGAIN_FD", "3").environment("GOAGAIN_NAME", "tcp:127.0.0.1:80->");
    starter.environment("GOAGAIN_SIGNAL", "QUIT");
    try (SingleApp app = starter.start()) {
      assertEquals(1, app.process().newest().generation());
      app.log("GOAGAIN_HANDOVER is ignored");
      Load load = app.load();
      app.restartWell(null);
      assertNothingLost(load, 1, 2);
    }
  }

  @Test
  void environmentIsChangedAndDoesNotGrow() throws Exception {
    SingleApp.Starter starter = SingleApp.starter();
    starter.environment("IT_OLD", "1").environment("IT_KEPT", "a=b c");
    try (SingleApp app = starter.start()) {
      Map<String, String> first = environment(app.process().pid());
      Load load = app.load();
      JsonObject changes = new JsonObject().put("IT_NEW", "ä\n2").putNull("IT_OLD");
      app.restartWell(new JsonObject().put("environment", changes));
      long secondPid = app.process().newest().pid();
      Map<String, String> second = environment(secondPid);
      assertEquals("ä\n2", second.get("IT_NEW"));
      assertEquals("a=b c", second.get("IT_KEPT"));
      assertFalse(second.containsKey("IT_OLD"));
      app.process().signal("USR2");
      app.handedOver(new Generation(2, secondPid));
      Map<String, String> third = environment(app.process().newest().pid());
      assertEquals(second.keySet(), third.keySet());
      assertEquals(Long.toString(secondPid), third.get("GOAGAIN_PPID"));
      // All that differs is what the request and the handover put there.
      first.keySet().removeAll(List.of("IT_OLD"));
      third.keySet().removeIf(name -> name.startsWith("GOAGAIN_") || name.equals("IT_NEW"));
      first.put("PWD", third.get("PWD"));
      assertEquals(first, third);
      assertNothingLost(load, 1, 2, 3);
    }
  }

  @Test
  void scriptMayWrapTheCommandWithoutExec() throws Exception {
    try (SingleApp app = SingleApp.start()) {
      Path script =
          SingleApp.script(
              app.directory().resolve("run.sh"), "\"$@\"", "echo script ended with $?");
      JsonArray command = new JsonArray().add(script.toString());
      SingleApp.command(app.process().pid()).forEach(command::add);
      Load load = app.load();
      Reply reply = app.restartWell(new JsonObject().put("command", command));
      Generation second = app.process().newest();
      assertNothingLost(load, 1, 2);
      assertEquals(second.pid(), reply.body().getLong("pid"), "the pid of who answers requests");
      app.process().signal("TERM");
      app.log("script ended with 0");
      app.exited(second.pid(), 0);
    }
  }

  private static Map<String, String> environment(long pid) {
    // A name that is there twice is an error.
    return SingleApp.strings(pid, "environ").stream()
        .map(entry -> entry.split("=", 2))
        .collect(
            Collectors.toMap(
                pair -> pair[0],
                pair -> pair[1],
                (a, b) -> {
                  throw new AssertionError(a + " and " + b);
                },
                TreeMap::new));
  }

  private static Path workingDirectory(long pid) throws IOException {
    return Files.readSymbolicLink(Path.of("/proc", Long.toString(pid), "cwd"));
  }

  private static boolean hasOpen(SingleApp app, long pid, Path file) throws IOException {
    return app.process().openDescriptors(pid).containsValue(file.toString());
  }

  private static void switchTo(Path link, Path target) throws IOException {
    Path next = Files.createSymbolicLink(link.resolveSibling("next"), target);
    Files.move(next, link, StandardCopyOption.ATOMIC_MOVE);
  }
}
