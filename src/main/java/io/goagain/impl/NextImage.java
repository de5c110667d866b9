package io.goagain.impl;

import static java.lang.System.Logger.Level.ERROR;

import io.goagain.Generation;
import io.goagain.RestartFailure;
import io.goagain.RestartOptions;
import io.goagain.impl.Inheritance.Asked;
import io.goagain.impl.posix.Exec;
import io.goagain.impl.posix.PosixException;
import io.goagain.impl.posix.Spawn;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The second half of the double strategy: this process runs its next image, under its old pid. */
final class NextImage {

  private static final System.Logger LOG = System.getLogger(NextImage.class.getName());

  private NextImage() {}

  /** What it will run, if the kernel says that it can; blocks. */
  static NextCommand find(Launch launch, RestartOptions options) throws RestartException {
    try {
      NextCommand command = NextCommand.resolve(launch, options);
      Exec.check(command.path(), command.workingDirectory());
      return command;
    } catch (PosixException | RestartException e) {
      throw new RestartException(
          RestartFailure.EXEC_FAILED,
          "The next image could not be executed: %s; was it changed while the stand-in started?"
              .formatted(e.getMessage()),
          e);
    }
  }

  /**
   * Executes it. Vert.x is closed. Returns only if that fails: then the stand-in goes on serving.
   */
  static void execute(Attempt attempt, Generation own, Set<Asked> asked) {
    NextCommand command = attempt.nextImage;
    Successor standIn = attempt.successor;
    List<Integer> kept = new ArrayList<>();
    if (standIn.isOriginal()) {
      // It knows of one: others would stay open, and nobody would accept from them.
      standIn.returned().stream().limit(1).forEach(one -> kept.add(one.descriptor()));
    } else {
      standIn.returned().forEach(listener -> kept.add(listener.descriptor()));
      kept.addAll(standIn.returnedLine());
    }
    try {
      // Once for nothing, so that little is left to do after the last look at what was asked.
      command.environmentWith(handover(standIn, own, asked));
      Set<Asked> late = EnumSet.noneOf(Asked.class);
      late.addAll(asked);
      late.addAll(Signals.askedEarly());
      Exec.execve(
          new Spawn.Command(
              command.path(),
              command.arguments(),
              command.environmentWith(handover(standIn, own, late)),
              command.workingDirectory(),
              kept),
          standIn.isOriginal() ? Set.of() : Signals.HELD);
    } catch (IOException e) {
      LOG.log(
          ERROR,
          "process {0} could not execute its next image and ends; its stand-in, process {1}, goes"
              + " on serving: {2}",
          Long.toString(own.pid()),
          Long.toString(standIn.servingPid()),
          e.getMessage());
    }
  }

  private static Map<String, String> handover(Successor standIn, Generation own, Set<Asked> asked)
      throws IOException {
    if (standIn.isOriginal()) {
      if (standIn.returned().isEmpty()) {
        return Map.of();
      }
      return OriginalProtocol.forExec(standIn.returned().get(0), own.pid(), standIn.pid());
    }
    return Inheritance.forExec(
        own.number() + 2,
        standIn.servingPid(),
        standIn.pid(),
        asked,
        standIn.returned(),
        standIn.returnedLine());
  }
}
