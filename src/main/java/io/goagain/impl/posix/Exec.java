package io.goagain.impl.posix;

import com.sun.jna.Memory;

/** Replaces the image of this process: execve(2). */
public final class Exec {
  private Exec() {}

  public static void check(String path, String workingDirectory) throws PosixException {
    String file = path.startsWith("/") ? path : workingDirectory + "/" + path;
    if (LibC.access(LibC.bytes(file), LibC.X_OK) == -1) {
      throw LibC.failed("access(" + file + ")");
    }
  }

  public static void execve(Spawn.Command command) throws PosixException {
    Descriptors.markAllCloseOnExecFrom(3);
    for (int fd : command.descriptors()) {
      Descriptors.setCloseOnExec(fd, false);
    }
    try (Memory argv = Spawn.vector(command.argv());
        Memory environment = Spawn.vector(command.environment());
        Memory set = new Memory(LibC.SIZEOF_SIGSET)) {
      LibC.sigemptyset(set);
      LibC.sigaddset(set, Processes.USR2);
      LibC.sigaddset(set, Processes.USR1);
      LibC.pthread_sigmask(LibC.SIG_SETMASK, set, null);
      LibC.chdir(LibC.bytes(command.workingDirectory()));
      LibC.execve(LibC.bytes(command.path()), argv, environment);
      throw LibC.failed("execve(" + command.path() + ")");
    }
  }
}
