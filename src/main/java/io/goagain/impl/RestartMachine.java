package io.goagain.impl;

import static io.goagain.impl.RestartMachine.Effect.ABORT;
import static io.goagain.impl.RestartMachine.Effect.ACCEPT;
import static io.goagain.impl.RestartMachine.Effect.ASK_STANDBY;
import static io.goagain.impl.RestartMachine.Effect.CLOSE_LISTENERS;
import static io.goagain.impl.RestartMachine.Effect.DRAIN;
import static io.goagain.impl.RestartMachine.Effect.EXECUTE;
import static io.goagain.impl.RestartMachine.Effect.EXIT;
import static io.goagain.impl.RestartMachine.Effect.EXIT_NOW;
import static io.goagain.impl.RestartMachine.Effect.GRANT;
import static io.goagain.impl.RestartMachine.Effect.PASS_MAIN;
import static io.goagain.impl.RestartMachine.Effect.PASS_ON;
import static io.goagain.impl.RestartMachine.Effect.PASS_STATE;
import static io.goagain.impl.RestartMachine.Effect.PASS_STOP;
import static io.goagain.impl.RestartMachine.Effect.REMEMBER_RESTART;
import static io.goagain.impl.RestartMachine.Effect.REMEMBER_STOP;
import static io.goagain.impl.RestartMachine.Effect.REPORT_FAILURE;
import static io.goagain.impl.RestartMachine.Effect.REPORT_SUCCESS;
import static io.goagain.impl.RestartMachine.Effect.RESUME;
import static io.goagain.impl.RestartMachine.Effect.RETURN;
import static io.goagain.impl.RestartMachine.Effect.SPAWN;
import static io.goagain.impl.RestartMachine.Effect.STAND_BY;
import static io.goagain.impl.RestartMachine.Effect.STOP_ACCEPTING;
import static io.goagain.impl.RestartMachine.Effect.TELL_STOP;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a process does when, as data: no thread, no clock, no input or output. What is not in the
 * table cannot happen in that state and is ignored.
 */
final class RestartMachine {

  /** Where a process stands in its life. */
  enum State {
    /** Not accepting: the predecessor, if there is one, has not let this process accept yet. */
    BOOTING,
    /** Accepting, while the predecessor still drains. */
    SETTLING,
    /** Accepting, alone. */
    SERVING,
    /** Accepting, while the kernel makes the successor. */
    SPAWNING,
    /** Accepting, while the successor boots. */
    AWAITING_READY,
    /** Accepting, while a successor that failed is killed and reaped. */
    ABORTING,
    /** Not accepting any more: the successor does, on probation. Connections move or finish. */
    YIELDED,
    /** Not accepting: the stand-in is asked to stand by while this process executes. */
    RETURNING,
    /** The next image is about to take this process's place; there is no way back. */
    EXECUTING,
    /** Finishing what is in flight, the listeners closed. */
    DRAINING,
    /** Nothing is left. */
    EXITED
  }

  /** What can happen to a process. */
  enum Event {
    /** The predecessor says that this process may accept. */
    GRANTED,
    /** There is no predecessor, or it died before it could say so. */
    ALONE,
    PREDECESSOR_GONE,
    RESTART,
    /** A process that nobody spawned asks to be the successor. */
    TAKEOVER,
    SPAWNED,
    SPAWN_FAILED,
    SUCCESSOR_READY,
    SUCCESSOR_ACCEPTING,
    /** It cannot be used: too late, another protocol, no listener, channel closed. */
    SUCCESSOR_FAILED,
    /** The successor's process is gone, and reaped. */
    SUCCESSOR_GONE,
    /** The successor's probation is over: the listeners need not be kept any longer. */
    SETTLED,
    /** All connections have left to a stand-in. */
    EMPTIED,
    STANDS_BY,
    /** The next image cannot be executed: this one is the successor of its stand-in. */
    EXEC_IMPOSSIBLE,
    /** The process that this one stands in for executes its next image. */
    PREDECESSOR_EXECUTES,
    DRAINED,
    STOP,
    /** A stop, while a process boots that has asked to take over: it is to find somebody. */
    STOP_ONCE_TAKEN_OVER,
    STOP_NOW
  }

  /** What is to be done; each is one method of {@link Restarter}. */
  enum Effect {
    ACCEPT,
    SPAWN,
    GRANT,
    ABORT,
    REPORT_FAILURE,
    REPORT_SUCCESS,
    STOP_ACCEPTING,
    TELL_STOP,
    DRAIN,
    CLOSE_LISTENERS,
    RETURN,
    REMEMBER_RESTART,
    REMEMBER_STOP,
    PASS_ON,
    PASS_STATE,
    PASS_STOP,
    PASS_MAIN,
    ASK_STANDBY,
    STAND_BY,
    EXECUTE,
    RESUME,
    EXIT,
    EXIT_NOW
  }

  /** Where an event leads, and what it makes the process do, in this order. */
  record Transition(State next, List<Effect> effects) {}

  private static final Map<State, Map<Event, Transition>> TABLE = new EnumMap<>(State.class);

  static {
    on(State.BOOTING, Event.GRANTED, State.SETTLING, ACCEPT);
    on(State.BOOTING, Event.ALONE, State.SERVING, ACCEPT);
    on(State.BOOTING, Event.RESTART, State.BOOTING, REMEMBER_RESTART);
    on(State.BOOTING, Event.STOP, State.DRAINING, TELL_STOP, DRAIN, CLOSE_LISTENERS);

    on(State.SETTLING, Event.PREDECESSOR_GONE, State.SERVING);
    on(State.SETTLING, Event.PREDECESSOR_EXECUTES, State.AWAITING_READY, STAND_BY);
    on(State.SETTLING, Event.RESTART, State.SETTLING, REMEMBER_RESTART);
    on(State.SETTLING, Event.STOP, State.DRAINING, TELL_STOP, DRAIN, CLOSE_LISTENERS);

    on(State.SERVING, Event.RESTART, State.SPAWNING, SPAWN);
    on(State.SERVING, Event.TAKEOVER, State.AWAITING_READY);
    on(State.SERVING, Event.STOP, State.DRAINING, DRAIN, CLOSE_LISTENERS);

    on(State.SPAWNING, Event.SPAWNED, State.AWAITING_READY);
    on(State.SPAWNING, Event.SPAWN_FAILED, State.SERVING, REPORT_FAILURE);
    on(State.SPAWNING, Event.RESTART, State.SPAWNING, REMEMBER_RESTART);
    on(State.SPAWNING, Event.STOP, State.SPAWNING, REMEMBER_STOP);

    on(State.AWAITING_READY, Event.SUCCESSOR_READY, State.AWAITING_READY, GRANT);
    on(
        State.AWAITING_READY,
        Event.SUCCESSOR_ACCEPTING,
        State.YIELDED,
        STOP_ACCEPTING,
        REPORT_SUCCESS,
        DRAIN,
        PASS_STATE);
    on(State.AWAITING_READY, Event.SUCCESSOR_FAILED, State.ABORTING, ABORT);
    on(State.AWAITING_READY, Event.SUCCESSOR_GONE, State.SERVING, REPORT_FAILURE);
    on(State.AWAITING_READY, Event.RESTART, State.AWAITING_READY, REMEMBER_RESTART);
    on(State.AWAITING_READY, Event.STOP, State.ABORTING, REMEMBER_STOP, ABORT);

    on(State.AWAITING_READY, Event.STOP_ONCE_TAKEN_OVER, State.AWAITING_READY, REMEMBER_STOP);

    on(State.ABORTING, Event.SUCCESSOR_GONE, State.SERVING, REPORT_FAILURE);
    on(State.ABORTING, Event.RESTART, State.ABORTING, REMEMBER_RESTART);
    on(State.ABORTING, Event.STOP, State.ABORTING, REMEMBER_STOP);

    on(State.YIELDED, Event.SUCCESSOR_GONE, State.SERVING, RETURN);
    on(State.YIELDED, Event.SETTLED, State.DRAINING, CLOSE_LISTENERS, PASS_MAIN);
    on(State.YIELDED, Event.RESTART, State.YIELDED, PASS_ON);
    on(State.YIELDED, Event.STOP, State.DRAINING, PASS_STOP, CLOSE_LISTENERS);
    on(State.YIELDED, Event.EMPTIED, State.RETURNING, ASK_STANDBY);

    on(State.RETURNING, Event.STANDS_BY, State.EXECUTING, EXECUTE);
    on(State.RETURNING, Event.EXEC_IMPOSSIBLE, State.BOOTING, RESUME);
    on(State.RETURNING, Event.SUCCESSOR_GONE, State.SERVING, RETURN);
    on(State.RETURNING, Event.RESTART, State.RETURNING, REMEMBER_RESTART);
    on(State.RETURNING, Event.STOP, State.DRAINING, PASS_STOP, CLOSE_LISTENERS);

    on(State.EXECUTING, Event.RESTART, State.EXECUTING, REMEMBER_RESTART);
    on(State.EXECUTING, Event.STOP, State.EXECUTING, REMEMBER_STOP);

    on(State.DRAINING, Event.DRAINED, State.EXITED, EXIT);
    on(State.DRAINING, Event.RESTART, State.DRAINING, PASS_ON);
    on(State.DRAINING, Event.STOP, State.DRAINING);

    for (State state : State.values()) {
      if (state != State.EXITED) {
        on(state, Event.STOP_NOW, State.EXITED, EXIT_NOW);
      }
    }
    // vertx.close() may hang: the exit is not awaited for ever.
    on(State.EXITED, Event.STOP_NOW, State.EXITED, EXIT_NOW);
  }

  private State state = State.BOOTING;

  private static void on(State from, Event event, State to, Effect... effects) {
    TABLE
        .computeIfAbsent(from, s -> new EnumMap<>(Event.class))
        .put(event, new Transition(to, List.of(effects)));
  }

  State state() {
    return state;
  }

  /** Takes the step that the event leads to, if it means anything here. */
  Optional<Transition> step(Event event) {
    Optional<Transition> transition = transition(state, event);
    transition.ifPresent(t -> state = t.next());
    return transition;
  }

  static Optional<Transition> transition(State from, Event event) {
    return Optional.ofNullable(TABLE.getOrDefault(from, Map.of()).get(event));
  }
}
