package io.goagain.impl.posix;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Whether a program can be executed, found out without doing it: {@link Exec#check}. */
final class Executable {

  // linux/binfmts.h; exec_binprm() in fs/exec.c
  private static final int BINPRM_BUF_SIZE = 256;
  private static final int MAX_INTERPRETERS = 5;

  private Executable() {}

  static void check(Spawn.Command command) throws PosixException {
    command.checkDirectory();
    String call = "execve(" + command.program() + ")";
    String file = interpreter(command, command.path(), call);
    for (int i = 0; file != null; i++) {
      call = "execve(" + command.program() + ", interpreter " + file + ")";
      if (i == MAX_INTERPRETERS) {
        throw new PosixException(call, Errno.ELOOP);
      }
      file = interpreter(command, file, call);
    }
  }

  /** Of a script; null for an ELF program. */
  private static String interpreter(Spawn.Command command, String file, String call)
      throws PosixException {
    boolean fromHere = command.workingDirectory() == null || file.startsWith("/");
    byte[] path = LibC.bytes(fromHere ? file : command.workingDirectory() + "/" + file);
    // O_PATH needs no permission to read and starts no device.
    int fd = LibC.open(path, LibC.O_PATH | LibC.O_CLOEXEC, 0);
    if (fd == -1) {
      throw LibC.failed(call);
    }
    try {
      Path opened = Path.of("/proc/self/fd/" + fd);
      if (!Files.isRegularFile(opened)) {
        throw new PosixException(call, Errno.EACCES);
      }
      if (LibC.faccessat(LibC.AT_FDCWD, path, LibC.X_OK, LibC.AT_EACCESS) == -1) {
        throw LibC.failed(call);
      }
      try (InputStream in = Files.newInputStream(opened)) {
        return interpreter(in.readNBytes(BINPRM_BUF_SIZE), call);
      } catch (PosixException e) {
        throw e;
      } catch (IOException e) {
        return null; // may be executed, but not read: only the kernel knows what it is
      }
    } finally {
      LibC.close(fd);
    }
  }

  /** As the kernel takes it from the first bytes: fs/binfmt_script.c. */
  static String interpreter(byte[] head, String call) throws PosixException {
    String text = new String(head, StandardCharsets.ISO_8859_1);
    if (text.startsWith("\177ELF")) {
      return null;
    }
    if (!text.startsWith("#!")) {
      throw new PosixException(call, Errno.ENOEXEC);
    }
    int start = 2;
    while (start < head.length && (head[start] == ' ' || head[start] == '\t')) {
      start++;
    }
    int end = start;
    while (end < head.length && " \t\n\0".indexOf(head[end]) < 0) {
      end++;
    }
    // Nothing there, or its end is not.
    if (start == end || end == BINPRM_BUF_SIZE) {
      throw new PosixException(call, Errno.ENOEXEC);
    }
    return new String(head, start, end - start, StandardCharsets.UTF_8);
  }
}
