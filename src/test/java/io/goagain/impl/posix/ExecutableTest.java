package io.goagain.impl.posix;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.impl.posix.Spawn.Command;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SortedMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Each case is shown to the kernel too, which is to find the same. */
@EnabledOnOs(OS.LINUX)
@Timeout(60)
class ExecutableTest {

  @TempDir Path directory;

  @Test
  void programsAndScripts() throws Exception {
    assertEquals(0, errno("/bin/sh"));
    assertEquals(0, errno(script("plain", "#!/bin/sh\n")));
    assertEquals(0, errno(script("argument", "#! \t/bin/sh -e \nexit 0\n")));
    assertEquals(0, errno(script("no-line-feed", "#!/bin/sh")));
    script("interpreter", "#!/bin/sh\n");
    assertEquals(0, errno(script("relative", "#!./interpreter\n")));
    assertEquals(0, errno("./relative"));
    Path link = Files.createSymbolicLink(directory.resolve("link"), Path.of("plain"));
    assertEquals(0, errno(link.toString()));
    assertEquals(0, errno(script("\u00fc", "#!/bin/sh\n")));
  }

  @Test
  void whatIsNone() throws Exception {
    assertEquals(Errno.ENOENT, errno("/nowhere/java"));
    assertEquals(Errno.ENOENT, errno("java"));
    assertEquals(Errno.ENOTDIR, errno("/etc/passwd/java"));
    assertEquals(Errno.EACCES, errno(directory.toString()));
    assertEquals(Errno.EACCES, errno("/dev/null"));
    assertEquals(
        Errno.EACCES,
        errno(Files.writeString(directory.resolve("mode"), "#!/bin/sh\n").toString()));
    Path loop = directory.resolve("loop");
    assertEquals(Errno.ELOOP, errno(Files.createSymbolicLink(loop, loop).toString()));
    assertEquals(Errno.ENOEXEC, errno(script("empty", "")));
    assertEquals(Errno.ENOEXEC, errno(script("text", "echo\n")));
    assertEquals(Errno.ENOEXEC, errno(script("no-interpreter", "#! \t\n/bin/sh\n")));
    assertEquals(Errno.ENOEXEC, errno(script("too-long", "#!/" + "x".repeat(253) + "\n")));
    assertEquals(Errno.ENOENT, errno(script("carriage-return", "#!/bin/sh\r\n")));
    assertEquals(Errno.EACCES, errno(script("directory", "#!/\n")));
    assertEquals(Errno.ENOEXEC, errno(script("text-for-text", "#!" + script("x", "echo") + "\n")));
  }

  @Test
  void scriptsForScriptsHaveAnEnd() throws Exception {
    String interpreter = "/bin/sh";
    for (int i = 1; i <= 5; i++) {
      interpreter = script("level" + i, "#!" + interpreter + "\n");
      assertEquals(0, errno(interpreter));
    }
    assertEquals(Errno.ELOOP, errno(script("level6", "#!" + interpreter + "\n")));
    String self = directory.resolve("self").toString();
    assertEquals(Errno.ELOOP, errno(script("self", "#!" + self + "\n")));
  }

  @Test
  void messagesNameWhatIsMissing() throws Exception {
    assertEquals(
        "execve(./run in " + directory + "): ENOENT (No such file or directory)",
        failure(command("./run", directory.toString())).getMessage());
    String script = script("script", "#!/nowhere/sh -e\n");
    assertEquals(
        "execve(" + script + ", interpreter /nowhere/sh): ENOENT (No such file or directory)",
        failure(command(script, null)).getMessage());
    assertEquals(
        "chdir(/nowhere): ENOENT (No such file or directory)",
        failure(command("/bin/sh", "/nowhere")).getMessage());
  }

  @Test
  void nothingStaysOpen() throws Exception {
    Exec.check("/bin/sh", "/");
    failure(command("/dev/null", "/"));
    SortedMap<Integer, String> before = OpenDescriptors.now();
    Exec.check("/bin/sh", "/");
    failure(command("/dev/null", "/"));
    assertEquals(before, OpenDescriptors.now());
  }

  private String script(String name, String content) throws Exception {
    Path file = Files.writeString(directory.resolve(name), content);
    assertTrue(file.toFile().setExecutable(true));
    return file.toString();
  }

  /** 0 if it can be executed. */
  private int errno(String path) {
    Command command = command(path, directory.toString());
    int kernel = 0;
    try {
      Processes.waitFor(Spawn.spawn(command));
    } catch (PosixException e) {
      kernel = e.errno();
    }
    int errno = 0;
    try {
      Exec.check(command.path(), command.workingDirectory());
    } catch (PosixException e) {
      errno = e.errno();
    }
    assertEquals(kernel, errno, path);
    return errno;
  }

  private static PosixException failure(Command command) {
    return assertThrows(
        PosixException.class, () -> Exec.check(command.path(), command.workingDirectory()));
  }

  private static Command command(String path, String directory) {
    return new Command(path, List.of("x", "-c", "exit 0"), List.of(), directory, List.of());
  }
}
