package io.goagain.impl.posix;

import com.sun.jna.Memory;

/** A sigset_t: sigsetops(3). Its calls fail only for numbers that are no signals. */
final class SignalSet implements AutoCloseable {

  final Memory memory = new Memory(LibC.SIZEOF_SIGSET);

  private SignalSet() {}

  static SignalSet of(int... signals) {
    SignalSet set = new SignalSet();
    LibC.sigemptyset(set.memory);
    for (int signal : signals) {
      LibC.sigaddset(set.memory, signal);
    }
    return set;
  }

  /** All but those that nobody can block, handle or ignore. */
  static SignalSet ofAllThatCanBeSet() {
    SignalSet set = new SignalSet();
    LibC.sigfillset(set.memory);
    LibC.sigdelset(set.memory, Processes.KILL);
    LibC.sigdelset(set.memory, Processes.STOP);
    return set;
  }

  @Override
  public void close() {
    memory.close();
  }
}
