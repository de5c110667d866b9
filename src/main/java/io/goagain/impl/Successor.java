package io.goagain.impl;

import static java.lang.System.Logger.Level.WARNING;

import io.goagain.Generation;
import io.goagain.RestartFailure;
import io.goagain.impl.net.HandoverChannel;
import io.goagain.impl.net.Listener;
import io.goagain.impl.posix.Descriptors;
import io.goagain.impl.posix.Errno;
import io.goagain.impl.posix.PosixException;
import io.goagain.impl.posix.Processes;
import io.goagain.impl.posix.Spawn;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What a predecessor knows of its successor: the process, and the line to it. */
final class Successor {

  /** What a successor does, told on any thread. */
  interface Observer {
    void ready(List<String> listeners);

    void accepting();

    void failed(RestartFailure failure, String reason);

    /** It closed the line; most often its end follows. */
    void hungUp();

    void gone(Processes.Exit exit);
  }

  private static final System.Logger LOG = System.getLogger(Successor.class.getName());

  private final Platform platform;
  private final int pid;
  private int messages;
  private HandoverChannel channel;

  private Successor(Platform platform, int pid, int messages) {
    this.platform = platform;
    this.pid = pid;
    this.messages = messages;
  }

  /** Blocks for some milliseconds. If it fails, nothing is left of it. */
  static Successor spawn(
      Platform platform, NextCommand command, Generation own, List<Listener> listeners)
      throws RestartException {
    int[] pair;
    try {
      pair = Descriptors.socketPair();
    } catch (PosixException e) {
      throw spawnFailure(command, e);
    }
    try {
      List<Integer> descriptors = new ArrayList<>();
      listeners.forEach(l -> descriptors.add(l.descriptor()));
      descriptors.add(pair[1]);
      Map<String, String> environment = new TreeMap<>(command.environment());
      environment.putAll(
          Inheritance.variables(
              own.number() + 1, own.pid(), listeners.stream().map(Listener::name).toList()));
      int pid =
          platform.spawn(
              new Spawn.Command(
                  command.path(),
                  command.arguments(),
                  environment.entrySet().stream()
                      .map(variable -> variable.getKey() + "=" + variable.getValue())
                      .toList(),
                  command.workingDirectory(),
                  descriptors));
      return new Successor(platform, pid, pair[0]);
    } catch (PosixException e) {
      close(pair[0]);
      throw spawnFailure(command, e);
    } catch (RuntimeException e) {
      close(pair[0]);
      throw e;
    } finally {
      close(pair[1]);
    }
  }

  private static RestartException spawnFailure(NextCommand command, PosixException e) {
    if (e.call().startsWith("chdir")) {
      return new RestartException(
          RestartFailure.COMMAND_NOT_FOUND,
          "The working directory cannot be used: %s; create it, or set workingDirectory."
              .formatted(e.getMessage()),
          e);
    }
    RestartFailure failure =
        switch (e.errno()) {
          case Errno.ENOENT -> RestartFailure.COMMAND_NOT_FOUND;
          case Errno.EACCES, Errno.ENOEXEC -> RestartFailure.COMMAND_NOT_EXECUTABLE;
          default -> RestartFailure.SPAWN_FAILED;
        };
    String advice =
        switch (e.errno()) {
          case Errno.ENOENT -> "does it or its interpreter (#!) exist?";
          case Errno.EACCES -> "is it an executable file, on a file system that allows it?";
          case Errno.ENOEXEC -> "is it a program for this machine, or a script with a #! line?";
          case Errno.EMFILE, Errno.ENFILE -> "raise the limit of open files (ulimit -n).";
          case Errno.ENOMEM, Errno.EAGAIN -> "is the machine or the container at its limits?";
          default -> "see the log of this process.";
        };
    return new RestartException(
        failure,
        "The command %s could not be started: %s; %s"
            .formatted(command.arguments(), e.getMessage(), advice),
        e);
  }

  private static void close(int descriptor) {
    try {
      Descriptors.close(descriptor);
    } catch (IOException e) {
      LOG.log(WARNING, "could not close a descriptor of the handover", e);
    }
  }

  int pid() {
    return pid;
  }

  /** Says hello, and from now on tells the observer what happens. */
  void observe(Generation own, Observer observer) {
    Thread reaper = new Thread(() -> reap(observer), "goagain-reaper-" + pid);
    reaper.setDaemon(true);
    reaper.start();
    try {
      int descriptor = messages;
      messages = -1;
      channel = HandoverChannel.open(descriptor, new Messages(observer));
      channel.send(Handshake.hello(own));
    } catch (RuntimeException e) {
      observer.failed(
          RestartFailure.SPAWN_FAILED, "the handover channel could not be opened: " + e);
    }
  }

  private void reap(Observer observer) {
    try {
      observer.gone(platform.waitFor(pid));
    } catch (PosixException e) {
      // ECHILD: somebody else in this process reaped it. It is gone all the same.
      LOG.log(WARNING, "the end of successor " + pid + " was not seen: " + e.getMessage());
      observer.gone(new Processes.Exit(-1, 0));
    }
  }

  void send(JsonObject message) {
    if (channel != null) {
      channel.send(message);
    }
  }

  void kill(int signal) {
    try {
      platform.kill(pid, signal);
    } catch (PosixException e) {
      LOG.log(WARNING, "{0}", e.getMessage());
    }
  }

  /** Gives the line up, once the process is gone or this one goes. */
  void close() {
    if (channel != null) {
      channel.close();
    } else if (messages >= 0) {
      close(messages);
      messages = -1;
    }
  }

  private static final class Messages implements HandoverChannel.Listener {
    private final Observer observer;
    private boolean greeted;

    Messages(Observer observer) {
      this.observer = observer;
    }

    @Override
    public void received(JsonObject message) {
      if (!greeted) {
        greeted = true;
        String objection = Handshake.objection(message);
        if (objection != null) {
          observer.failed(RestartFailure.PROTOCOL_MISMATCH, objection);
        }
        return;
      }
      switch (message.getString("type", "")) {
        case Handshake.READY -> {
          List<String> names = new ArrayList<>();
          message.getJsonArray("listeners", new JsonArray()).forEach(n -> names.add((String) n));
          observer.ready(names);
        }
        case Handshake.ACCEPTING -> observer.accepting();
        default -> LOG.log(WARNING, "unknown message from the successor: {0}", message);
      }
    }

    @Override
    public void closed() {
      observer.hungUp();
    }

    @Override
    public void broken(String reason) {
      observer.failed(RestartFailure.PROTOCOL_MISMATCH, reason);
    }
  }
}
