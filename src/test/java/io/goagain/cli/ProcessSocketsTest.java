package io.goagain.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** With a procfs that was made up. */
class ProcessSocketsTest {

  @TempDir Path proc;
  private Path process;

  @BeforeEach
  void make() throws Exception {
    process = proc.resolve("7");
    for (String pid : List.of("7", "self")) {
      Files.createDirectories(proc.resolve(pid + "/ns"));
      link(proc.resolve(pid + "/ns/mnt"), "mnt:[1]");
      link(proc.resolve(pid + "/root"), "../the root");
    }
    Files.createDirectories(process.resolve("fd"));
    Files.createDirectories(process.resolve("net"));
    Files.createDirectory(proc.resolve("work"));
    link(process.resolve("cwd"), "../work");
    link(process.resolve("fd/0"), "null");
    for (int i = 1; i <= 5; i++) {
      link(process.resolve("fd/" + i), "socket:[10" + i + "]");
    }
    Files.writeString(
        process.resolve("net/unix"),
        """
        Num       RefCount Protocol Flags    Type St Inode Path
        0000000000000000: 00000002 00000000 00010000 0001 01 101 /run/app/control socket
        0000000000000000: 00000003 00000000 00000000 0001 03 102 /run/connected
        0000000000000000: 00000002 00000000 00000000 0002 01 103 /run/datagrams
        0000000000000000: 00000002 00000000 00010000 0001 01 104 @abstract
        0000000000000000: 00000002 00000000 00010000 0001 01 999 /run/of-another
        0000000000000000: 00000002 00000000 00010000 0001 01 105 relative
        0000000000000000: 00000003 00000000 00000000 0001 03 106
        """);
  }

  private static void link(Path path, String target) throws Exception {
    Files.createSymbolicLink(path, Path.of(target));
  }

  private List<String> paths() throws CliException {
    return new ProcessSockets(proc, 7).paths();
  }

  @Test
  void thoseItListensOn() throws Exception {
    assertEquals(List.of("/run/app/control socket", proc.toRealPath() + "/work/relative"), paths());
  }

  @Test
  void throughItsRoot() throws Exception {
    Files.delete(process.resolve("root"));
    link(process.resolve("root"), "../jail");
    assertEquals(
        List.of(process + "/root/run/app/control socket", process + "/cwd/relative"), paths());
  }

  @Test
  void throughItsRootInAnotherNamespace() throws Exception {
    Files.delete(process.resolve("ns/mnt"));
    link(process.resolve("ns/mnt"), "mnt:[2]");
    assertEquals(
        List.of(process + "/root/run/app/control socket", process + "/cwd/relative"), paths());
  }

  @Test
  void ofNoProcess() {
    CliException e = assertThrows(CliException.class, () -> new ProcessSockets(proc, 8).paths());
    assertEquals(
        "could not find the control socket of process 8: there is no such process; is this the pid"
            + " of a running service?",
        e.getMessage());
    assertEquals(3, e.exitCode());
  }

  @Test
  void ofAFileThatCannotBeRead() throws Exception {
    Files.delete(process.resolve("net/unix"));
    Files.createDirectory(process.resolve("net/unix"));
    CliException e = assertThrows(CliException.class, this::paths);
    assertTrue(e.getMessage().endsWith("; name the socket with --socket"), e::getMessage);
  }
}
