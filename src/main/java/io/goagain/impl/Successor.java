package io.goagain.impl;

import static java.lang.System.Logger.Level.WARNING;

import io.goagain.Generation;
import io.goagain.RestartFailure;
import io.goagain.impl.Inheritance.Handed;
import io.goagain.impl.net.ConnectionSender;
import io.goagain.impl.net.HandoverChannel;
import io.goagain.impl.net.Listener;
import io.goagain.impl.net.Listeners;
import io.goagain.impl.posix.Descriptors;
import io.goagain.impl.posix.Errno;
import io.goagain.impl.posix.PosixException;
import io.goagain.impl.posix.Processes;
import io.goagain.impl.posix.Spawn;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** What a predecessor knows of its successor: the process, and the line to it. */
final class Successor {

  private enum Kind {
    /** This process spawned it. */
    CHILD,
    /** The same, to serve until this process's next image does. */
    STAND_IN,
    /** Of the process that this one stands in for. */
    NEXT_IMAGE,
    /** Somebody else started it, and it asked to take over. */
    TAKER
  }

  /** What a successor does, told on any thread. */
  interface Observer {
    void ready(List<String> listeners);

    /** It is not ready yet, and waits for this. */
    void doing(String what);

    void accepting();

    /** It was told to stop: there is to be no service any more. */
    void stopping();

    void failed(RestartFailure failure, String reason);

    /**
     * A stand-in that has said which listeners its process is to have when it returns.
     *
     * @param failure why that cannot be, or null
     */
    void standsBy(PosixException failure);

    /** A signal came to it that concerns whoever serves: what is to be published. */
    void published(String address);

    /** It closed the line; most often its end follows. */
    void hungUp();

    /**
     * Its process is gone.
     *
     * @param how as far as it is known
     */
    void gone(String how);
  }

  private static final System.Logger LOG = System.getLogger(Successor.class.getName());

  /** For a line that stays open beyond the end of the process that was spawned. */
  private static final long LAST_WORDS_SECONDS = 1;

  private final int pid;
  private final Kind kind;
  private volatile long servingPid;
  private volatile boolean greeted;
  private volatile boolean original;
  private final int messages;
  private final int descriptors;
  private final CountDownLatch heardOut = new CountDownLatch(1);
  private final List<Handed> returned = new ArrayList<>();
  private final List<Integer> returnedLine = new ArrayList<>();
  private Observer observer;
  private HandoverChannel channel;
  private ConnectionSender connections;

  private Successor(int pid, Kind kind, int messages, int descriptors) {
    this.pid = pid;
    this.kind = kind;
    this.servingPid = pid;
    this.messages = messages;
    this.descriptors = descriptors;
  }

  /** Blocks for some milliseconds. If it fails, nothing is left of it. */
  static Successor spawn(
      NextCommand command, Inheritance.Role role, Generation generation, List<Listener> listeners)
      throws RestartException {
    List<Integer> own = new ArrayList<>();
    List<Integer> theirs = new ArrayList<>();
    try {
      for (int line = 0; line < 2; line++) {
        int[] pair = Descriptors.socketPair();
        own.add(pair[0]);
        theirs.add(pair[1]);
      }
      List<Integer> handed = new ArrayList<>();
      listeners.forEach(l -> handed.add(l.descriptor()));
      handed.addAll(theirs);
      Map<String, String> handover = new HashMap<>();
      if (!listeners.isEmpty()) {
        handover.putAll(OriginalProtocol.forSpawn(listeners.get(0).address(), generation.pid()));
      }
      handover.putAll(
          Inheritance.forSpawn(
              generation.number() + 1,
              generation.pid(),
              role,
              listeners.stream().map(Successor::handed).toList()));
      int pid =
          Spawn.spawn(
              new Spawn.Command(
                  command.path(),
                  command.arguments(),
                  command.environmentWith(handover),
                  command.workingDirectory(),
                  handed));
      Kind kind = role == Inheritance.Role.STAND_IN ? Kind.STAND_IN : Kind.CHILD;
      return new Successor(pid, kind, own.get(0), own.get(1));
    } catch (PosixException e) {
      own.forEach(Successor::close);
      throw spawnFailure(command, e);
    } catch (RuntimeException e) {
      own.forEach(Successor::close);
      throw e;
    } finally {
      theirs.forEach(Successor::close);
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
      if (descriptor >= 0) {
        Descriptors.close(descriptor);
      }
    } catch (IOException e) {
      LOG.log(WARNING, "could not close a descriptor of the handover", e);
    }
  }

  /**
   * The next image of the process that this one stands in for, which is about to take that over.
   *
   * @param line to that process; this object's from now on
   */
  static Successor nextImage(
      long pid, HandoverChannel line, Generation own, Listeners listeners, Observer observer) {
    Successor successor = new Successor((int) pid, Kind.NEXT_IMAGE, -1, -1);
    successor.talk(line, own, listeners, observer);
    successor.hand(listeners, Handshake.STANDBY);
    return successor;
  }

  /**
   * A process that has asked to take over, and has said its hello.
   *
   * @param line to that process; this object's from now on
   */
  static Successor taker(
      int pid, HandoverChannel line, Generation own, Listeners listeners, Observer observer) {
    Successor successor = new Successor(pid, Kind.TAKER, -1, -1);
    successor.greeted = true;
    successor.talk(line, own, listeners, observer);
    line.send(Handshake.hello(own));
    successor.hand(listeners, Handshake.HANDED);
    return successor;
  }

  private void talk(HandoverChannel line, Generation own, Listeners listeners, Observer told) {
    observer = told;
    channel = line;
    connections = new ConnectionSender(line, listeners);
    line.listen(new Messages(own));
  }

  private void hand(Listeners listeners, String done) {
    for (Listener listener : listeners.passedOn()) {
      Handed handed = handed(listener);
      channel.send(Handshake.listener(handed), handed.descriptor(), () -> {});
    }
    channel.send(Handshake.message(done));
  }

  private static Handed handed(Listener listener) {
    return new Handed(listener.name(), listener.descriptor(), listener.isFileForeign());
  }

  /** Whether this process spawned it. */
  boolean isChild() {
    return kind == Kind.CHILD || kind == Kind.STAND_IN;
  }

  /** Whether it asked to take over: it is supervised apart from this process. */
  boolean isTaker() {
    return kind == Kind.TAKER;
  }

  /** The process that was spawned. */
  int pid() {
    return pid;
  }

  /** Of the process that answered: another one, if a script that was spawned started it. */
  long servingPid() {
    return servingPid;
  }

  /** Says hello, and from now on tells the observer what happens. */
  void observe(Generation own, Listeners listeners, Observer told) {
    observer = told;
    Thread reaper = new Thread(this::reap, "goagain-reaper-" + pid);
    reaper.setDaemon(true);
    reaper.start();
    try {
      channel =
          HandoverChannel.open(
              messages,
              descriptors,
              line -> {
                connections = new ConnectionSender(line, listeners);
                return new Messages(own);
              });
      channel.send(Handshake.hello(own));
    } catch (RuntimeException e) {
      observer.failed(
          RestartFailure.SPAWN_FAILED, "the handover channel could not be opened: " + e);
      heardOut.countDown();
    }
  }

  /** Where connections go, once it accepts; null if it cannot take any. */
  ConnectionSender connections() {
    return original ? null : connections;
  }

  /** It has told by a signal that it accepts: false if it has spoken our protocol before. */
  boolean turnsOutOriginal() {
    original = !greeted;
    return original;
  }

  /** Whether it is a program that knows {@link OriginalProtocol} only. */
  boolean isOriginal() {
    return original;
  }

  private void reap() {
    String how;
    try {
      how = Processes.waitFor(pid).toString();
    } catch (PosixException e) {
      // ECHILD: somebody else in this process reaped it. It is gone all the same.
      how = "its end was not seen: " + e.getMessage();
    }
    try {
      // Its last words come first: that it stops is not the same as that it was killed.
      boolean unused = heardOut.await(LAST_WORDS_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    observer.gone(how);
  }

  void send(JsonObject message) {
    if (original) {
      // It reads no messages, but knows signals that mean the same.
      switch (message.getString("type")) {
        case Handshake.RESTART -> kill(Processes.USR2);
        case Handshake.STOP -> kill(Processes.TERM);
        default -> {}
      }
    } else if (channel != null) {
      channel.send(message);
    }
  }

  /** With a descriptor, which is closed after that. */
  void send(JsonObject message, int descriptor) {
    channel.send(message, descriptor, () -> close(descriptor));
  }

  /** A child only: what a supervisor watches is not this process's to kill. */
  void kill(int signal) {
    if (!isChild()) {
      return;
    }
    try {
      Processes.kill(pid, signal);
    } catch (PosixException e) {
      LOG.log(WARNING, "{0}", e.getMessage());
    }
  }

  /** Gives the line up, once the process is gone or this one goes. */
  void close() {
    if (channel != null) {
      connections.close();
      channel.close();
    }
  }

  /** Of a stand-in: what this process's next image is to have. They are the caller's. */
  List<Handed> returned() {
    return returned;
  }

  /** It returns nothing by itself: the next image gets the listeners as they are here. */
  void standsByAsOriginal(List<Listener> listeners) throws PosixException {
    for (Listener listener : listeners) {
      int duplicate = Descriptors.duplicate(listener.descriptor());
      returned.add(new Handed(listener.name(), duplicate, listener.isFileForeign()));
    }
    observer.standsBy(null);
  }

  void closeReturned() {
    returned.forEach(listener -> close(listener.descriptor()));
    returnedLine.forEach(Successor::close);
  }

  /**
   * To a stand-in that stands by, for the next image. Duplicates: the line itself is closed if the
   * stand-in dies before the image is there, which has to learn of that.
   */
  List<Integer> returnedLine() {
    return returnedLine;
  }

  /** To a stand-in whose successor this process becomes. */
  HandoverChannel line() {
    return channel;
  }

  private final class Messages implements HandoverChannel.Listener {
    private final Generation own;

    Messages(Generation own) {
      this.own = own;
    }

    @Override
    public void received(JsonObject message, int descriptor) {
      if (kind == Kind.NEXT_IMAGE && Handshake.STOP.equals(message.getString("type"))) {
        observer.stopping(); // of the image that is about to be replaced, and is not
        close(descriptor);
        return;
      }
      if (!greeted) {
        close(descriptor);
        greeted = true;
        String objection = Handshake.objection(message);
        if (objection != null) {
          observer.failed(RestartFailure.PROTOCOL_MISMATCH, objection);
        } else if (message.getValue("pid") instanceof Integer answering) {
          servingPid = answering;
        }
        if (kind == Kind.NEXT_IMAGE) {
          // Not before: what is sent to an image that is about to be replaced may be read by that.
          channel.send(Handshake.hello(own));
        }
        return;
      }
      String type = message.getString("type", "");
      boolean returns = type.equals(Handshake.LISTENER) || type.equals(Handshake.STANDBY);
      if (returns && kind != Kind.STAND_IN) {
        throw new IllegalArgumentException(type + " of one that does not stand in");
      }
      if (descriptor >= 0 && !type.equals(Handshake.LISTENER)) {
        close(descriptor);
        return;
      }
      switch (type) {
        case Handshake.DOING -> observer.doing(message.getString("what", "something"));
        case Handshake.FAILED ->
            observer.failed(
                RestartFailure.ofCode(message.getInteger("code", 0)),
                message.getString("reason", "it does not say why"));
        case Handshake.READY -> observer.ready(Handshake.names(message));
        case Handshake.ACCEPTING -> observer.accepting();
        case Handshake.STOPPING -> observer.stopping();
        case Handshake.LISTENER ->
            returned.add(
                new Handed(
                    message.getString("name"), descriptor, message.getBoolean("foreign", false)));
        case Handshake.STANDBY -> standsBy();
        case Handshake.ABORT -> {
          if (message.getBoolean("stop", false)) {
            observer.stopping(); // it stood by when it was told to
          }
        }
        case Handshake.PUBLISH -> observer.published(Handshake.published(message));
        case ConnectionSender.TAKEN -> connections.taken();
        case ConnectionSender.REFUSED -> connections.refused();
        default -> LOG.log(WARNING, "unknown message from the successor: {0}", message);
      }
    }

    private void standsBy() {
      try {
        for (int socket : channel.sockets()) {
          returnedLine.add(Descriptors.duplicate(socket));
        }
        observer.standsBy(null);
      } catch (PosixException e) {
        observer.standsBy(e);
      }
    }

    @Override
    public void closed() {
      connections.close();
      if (isChild()) {
        observer.hungUp();
      } else {
        observer.gone("it closed the handover channel");
      }
      heardOut.countDown();
    }

    @Override
    public void broken(String reason) {
      connections.close();
      observer.failed(RestartFailure.PROTOCOL_MISMATCH, reason);
      if (!isChild()) {
        observer.gone(reason);
      }
      heardOut.countDown();
    }
  }
}
