package io.goagain.impl;

import io.goagain.impl.posix.PosixException;
import io.goagain.impl.posix.Processes;
import io.goagain.impl.posix.Spawn;

/** What the restart needs of the operating system; tests put another one in its place. */
interface Platform {

  /** Returns the pid. The descriptors in the command stay the caller's. */
  int spawn(Spawn.Command command) throws PosixException;

  /** Blocks until the child is gone, and reaps it. */
  Processes.Exit waitFor(int pid) throws PosixException;

  void kill(int pid, int signal) throws PosixException;

  /** Ends this process; returns at once. */
  void exit(int code);

  /** The real one. */
  Platform POSIX =
      new Platform() {
        @Override
        public int spawn(Spawn.Command command) throws PosixException {
          return Spawn.spawn(command);
        }

        @Override
        public Processes.Exit waitFor(int pid) throws PosixException {
          return Processes.waitFor(pid);
        }

        @Override
        public void kill(int pid, int signal) throws PosixException {
          Processes.kill(pid, signal);
        }

        @Override
        public void exit(int code) {
          // Not on the caller's thread: shutdown hooks may wait for an event loop.
          new Thread(() -> System.exit(code), "goagain-exit").start();
        }
      };
}
