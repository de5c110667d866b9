package io.goagain.impl;

import static java.util.stream.Collectors.toMap;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.impl.RestartMachine.Effect;
import io.goagain.impl.RestartMachine.Event;
import io.goagain.impl.RestartMachine.State;
import io.goagain.impl.RestartMachine.Transition;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class RestartMachineTest {

  /**
   * From what each state means: what must happen there, and nothing else. Whoever changes the
   * machine changes this too, and thinks twice.
   */
  private static final String LEGAL =
      """
      BOOTING        GRANTED             -> SETTLING       ACCEPT
      BOOTING        ALONE               -> SERVING        ACCEPT
      BOOTING        RESTART             -> BOOTING        REMEMBER_RESTART
      BOOTING        STOP                -> DRAINING       TELL_STOP DRAIN CLOSE_LISTENERS
      BOOTING        STOP_NOW            -> EXITED         EXIT_NOW

      SETTLING       PREDECESSOR_GONE    -> SERVING
      SETTLING       PREDECESSOR_EXECUTES -> AWAITING_READY STAND_BY
      SETTLING       RESTART             -> SETTLING       REMEMBER_RESTART
      SETTLING       STOP                -> DRAINING       TELL_STOP DRAIN CLOSE_LISTENERS
      SETTLING       STOP_NOW            -> EXITED         EXIT_NOW

      SERVING        RESTART             -> SPAWNING       SPAWN
      SERVING        TAKEOVER            -> AWAITING_READY
      SERVING        STOP                -> DRAINING       DRAIN CLOSE_LISTENERS
      SERVING        STOP_NOW            -> EXITED         EXIT_NOW

      SPAWNING       SPAWNED             -> AWAITING_READY
      SPAWNING       SPAWN_FAILED        -> SERVING        REPORT_FAILURE
      SPAWNING       RESTART             -> SPAWNING       REMEMBER_RESTART
      SPAWNING       STOP                -> SPAWNING       REMEMBER_STOP
      SPAWNING       STOP_NOW            -> EXITED         EXIT_NOW

      AWAITING_READY SUCCESSOR_READY     -> AWAITING_READY GRANT
      AWAITING_READY SUCCESSOR_ACCEPTING -> YIELDED        STOP_ACCEPTING REPORT_SUCCESS DRAIN PASS_STATE
      AWAITING_READY SUCCESSOR_FAILED    -> ABORTING       ABORT
      AWAITING_READY SUCCESSOR_GONE      -> SERVING        REPORT_FAILURE
      AWAITING_READY RESTART             -> AWAITING_READY REMEMBER_RESTART
      AWAITING_READY STOP_ONCE_TAKEN_OVER -> AWAITING_READY REMEMBER_STOP
      AWAITING_READY STOP                -> ABORTING       REMEMBER_STOP ABORT
      AWAITING_READY STOP_NOW            -> EXITED         EXIT_NOW

      ABORTING       SUCCESSOR_GONE      -> SERVING        REPORT_FAILURE
      ABORTING       RESTART             -> ABORTING       REMEMBER_RESTART
      ABORTING       STOP                -> ABORTING       REMEMBER_STOP
      ABORTING       STOP_NOW            -> EXITED         EXIT_NOW

      YIELDED        SETTLED             -> DRAINING       CLOSE_LISTENERS PASS_MAIN
      YIELDED        SUCCESSOR_GONE      -> SERVING        RETURN
      YIELDED        RESTART             -> YIELDED        PASS_ON
      YIELDED        EMPTIED             -> RETURNING      ASK_STANDBY
      YIELDED        STOP                -> DRAINING       PASS_STOP CLOSE_LISTENERS
      YIELDED        STOP_NOW            -> EXITED         EXIT_NOW

      RETURNING      STANDS_BY           -> EXECUTING      EXECUTE
      RETURNING      EXEC_IMPOSSIBLE     -> BOOTING        RESUME
      RETURNING      SUCCESSOR_GONE      -> SERVING        RETURN
      RETURNING      RESTART             -> RETURNING      REMEMBER_RESTART
      RETURNING      STOP                -> DRAINING       PASS_STOP CLOSE_LISTENERS
      RETURNING      STOP_NOW            -> EXITED         EXIT_NOW

      EXECUTING      RESTART             -> EXECUTING      REMEMBER_RESTART
      EXECUTING      STOP                -> EXECUTING      REMEMBER_STOP
      EXECUTING      STOP_NOW            -> EXITED         EXIT_NOW

      DRAINING       DRAINED             -> EXITED         EXIT
      DRAINING       RESTART             -> DRAINING       PASS_ON
      DRAINING       STOP                -> DRAINING
      DRAINING       STOP_NOW            -> EXITED         EXIT_NOW

      EXITED         STOP_NOW            -> EXITED         EXIT_NOW
      """;

  /** Between the request and the successor's word that it accepts. */
  private static final Set<State> ATTEMPTING =
      EnumSet.of(State.SPAWNING, State.AWAITING_READY, State.ABORTING);

  private static final Set<State> ACCEPTING =
      EnumSet.of(
          State.SETTLING, State.SERVING, State.SPAWNING, State.AWAITING_READY, State.ABORTING);

  private static final Set<Event> FAILURES =
      EnumSet.of(Event.SPAWN_FAILED, Event.SUCCESSOR_FAILED, Event.SUCCESSOR_GONE);

  private static final Set<Effect> ENDS_SERVICE =
      EnumSet.of(
          Effect.STOP_ACCEPTING,
          Effect.CLOSE_LISTENERS,
          Effect.DRAIN,
          Effect.EXIT,
          Effect.EXIT_NOW);

  private record Step(State from, Event event, Transition transition) {
    boolean has(Effect effect) {
      return transition.effects().contains(effect);
    }
  }

  @Test
  void theTableIsAsWrittenHere() {
    Map<String, String> expected =
        LEGAL
            .lines()
            .filter(line -> !line.isBlank())
            .map(line -> line.trim().replaceAll(" +", " ").split(" -> "))
            .collect(toMap(sides -> sides[0], sides -> sides[1], (a, b) -> b, TreeMap::new));
    Map<String, String> actual = new TreeMap<>();
    for (Step step : steps()) {
      StringBuilder right = new StringBuilder(step.transition.next().name());
      step.transition.effects().forEach(effect -> right.append(' ').append(effect));
      actual.put(step.from + " " + step.event, right.toString());
    }
    assertEquals(expected, actual);
  }

  @Test
  void aProcessBeginsByBooting() {
    assertEquals(State.BOOTING, new RestartMachine().state());
  }

  @Test
  void everyStateCanBeReached() {
    assertEquals(EnumSet.allOf(State.class), pathsFromBooting().keySet());
  }

  @Test
  void everyStepIsTakenAndEverythingElseIsIgnored() {
    Map<State, List<Event>> paths = pathsFromBooting();
    for (State state : State.values()) {
      for (Event event : Event.values()) {
        RestartMachine machine = new RestartMachine();
        paths.get(state).forEach(machine::step);
        assertEquals(state, machine.state());
        Optional<Transition> expected = RestartMachine.transition(state, event);
        assertEquals(expected, machine.step(event), () -> event + " in " + state);
        assertEquals(
            expected.map(Transition::next).orElse(state),
            machine.state(),
            () -> event + " in " + state);
      }
    }
  }

  @Test
  void everyStateLeadsToTheEndWithoutBeingForced() {
    // An image that executes the next one ends by that, and knows nothing after it.
    for (State state : EnumSet.complementOf(EnumSet.of(State.EXECUTING))) {
      Set<State> reached = reachable(state, EnumSet.complementOf(EnumSet.of(Event.STOP_NOW)));
      assertTrue(reached.contains(State.EXITED), () -> "no way out of " + state);
    }
  }

  @Test
  void everyStateEndsAtOnceWhenForced() {
    for (State state : State.values()) {
      assertEquals(
          new Transition(State.EXITED, List.of(Effect.EXIT_NOW)),
          RestartMachine.transition(state, Event.STOP_NOW).orElseThrow());
    }
  }

  @Test
  void nothingHappensAfterTheEndButBeingForced() {
    for (Step step : steps()) {
      if (step.from == State.EXITED) {
        assertEquals(Event.STOP_NOW, step.event);
        assertEquals(new Transition(State.EXITED, List.of(Effect.EXIT_NOW)), step.transition);
      }
    }
  }

  @Test
  void everyFailureOfASuccessorLeadsBackToServing() {
    for (State state : ATTEMPTING) {
      assertTrue(
          reachable(state, FAILURES).contains(State.SERVING), () -> state + " cannot fail safely");
    }
  }

  @Test
  void aFailureBeforeTheHandoverNeverEndsTheService() {
    for (Step step : steps()) {
      if (ATTEMPTING.contains(step.from) && FAILURES.contains(step.event)) {
        assertTrue(ACCEPTING.contains(step.transition.next()), step::toString);
        assertTrue(Collections.disjoint(ENDS_SERVICE, step.transition.effects()), step::toString);
      }
    }
  }

  @Test
  void nothingButAHandoverOrAStopEndsTheService() {
    for (Step step : steps()) {
      if (ACCEPTING.contains(step.from) && step.event != Event.STOP_NOW) {
        boolean ends = !ACCEPTING.contains(step.transition.next());
        // To a successor by not accepting any more; for good by closing, so that what had queued up
        // to then is accepted.
        boolean stops = step.has(Effect.STOP_ACCEPTING) || step.has(Effect.CLOSE_LISTENERS);
        assertEquals(ends, stops, step::toString);
        if (ends) {
          assertTrue(
              step.event == Event.STOP || step.event == Event.SUCCESSOR_ACCEPTING, step::toString);
        }
      }
    }
  }

  @Test
  void aStopNeverLeavesASuccessorBehind() {
    for (State state : EnumSet.of(State.SPAWNING, State.AWAITING_READY, State.ABORTING)) {
      Transition stop = RestartMachine.transition(state, Event.STOP).orElseThrow();
      assertTrue(ATTEMPTING.contains(stop.next()), () -> state + " must wait for the successor");
      assertTrue(stop.effects().contains(Effect.REMEMBER_STOP), state::name);
    }
  }

  @Test
  void acceptingBeginsOnceAndComesBackOnlyForASuccessorThatDied() {
    for (Step step : steps()) {
      boolean begins = !ACCEPTING.contains(step.from) && ACCEPTING.contains(step.transition.next());
      assertEquals(begins && step.from == State.BOOTING, step.has(Effect.ACCEPT), step::toString);
      assertEquals(
          begins && EnumSet.of(State.YIELDED, State.RETURNING).contains(step.from),
          step.has(Effect.RETURN),
          step::toString);
      if (step.has(Effect.RETURN)) {
        assertEquals(Event.SUCCESSOR_GONE, step.event);
      }
    }
  }

  @Test
  void whoeverHasClosedItsListenersNeverAcceptsAgain() {
    for (State state : EnumSet.of(State.DRAINING, State.EXITED)) {
      assertTrue(
          Collections.disjoint(ACCEPTING, reachable(state, EnumSet.allOf(Event.class))),
          state::name);
    }
  }

  @Test
  void everyAttemptIsReportedOnce() {
    for (Step step : steps()) {
      boolean over =
          ATTEMPTING.contains(step.from)
              && !ATTEMPTING.contains(step.transition.next())
              && step.event != Event.STOP_NOW;
      long reports =
          step.transition.effects().stream()
              .filter(e -> e == Effect.REPORT_FAILURE || e == Effect.REPORT_SUCCESS)
              .count();
      assertEquals(over ? 1 : 0, reports, step::toString);
      assertEquals(
          step.transition.next() == State.YIELDED && step.from != State.YIELDED,
          step.has(Effect.REPORT_SUCCESS),
          step::toString);
    }
  }

  @Test
  void noRestartIsForgotten() {
    for (State state : State.values()) {
      if (state != State.EXITED) {
        Transition restart = RestartMachine.transition(state, Event.RESTART).orElseThrow();
        assertEquals(1, restart.effects().size(), state::name);
        assertTrue(
            Set.of(Effect.SPAWN, Effect.REMEMBER_RESTART, Effect.PASS_ON)
                .contains(restart.effects().get(0)),
            state::name);
      }
    }
  }

  private record Ending(State state, int drains, int closings) {}

  @Test
  void onEveryWayToTheEndItDrainsOnceAndClosesItsListenersOnce() {
    Deque<Ending> left = new ArrayDeque<>(List.of(new Ending(State.BOOTING, 0, 0)));
    Set<Ending> seen = new HashSet<>(left);
    while (!left.isEmpty()) {
      Ending ending = left.remove();
      assertTrue(ending.drains <= 1 && ending.closings <= 1, ending::toString);
      if (ending.state == State.DRAINING) {
        assertEquals(new Ending(State.DRAINING, 1, 1), ending);
      }
      for (Event event : EnumSet.complementOf(EnumSet.of(Event.STOP_NOW))) {
        RestartMachine.transition(ending.state, event)
            .map(
                t ->
                    new Ending(
                        t.next(),
                        ending.drains
                            + Collections.frequency(t.effects(), Effect.DRAIN)
                            - Collections.frequency(t.effects(), Effect.RETURN)
                            - Collections.frequency(t.effects(), Effect.RESUME),
                        ending.closings
                            + Collections.frequency(t.effects(), Effect.CLOSE_LISTENERS)))
            .filter(seen::add)
            .ifPresent(left::add);
      }
    }
  }

  private static List<Step> steps() {
    return Arrays.stream(State.values())
        .flatMap(
            state ->
                Arrays.stream(Event.values())
                    .flatMap(
                        event ->
                            RestartMachine.transition(state, event).stream()
                                .map(transition -> new Step(state, event, transition))))
        .toList();
  }

  private static Set<State> reachable(State from, Set<Event> events) {
    Set<State> reached = EnumSet.of(from);
    Deque<State> left = new ArrayDeque<>(reached);
    while (!left.isEmpty()) {
      State state = left.remove();
      events.stream()
          .flatMap(event -> RestartMachine.transition(state, event).stream())
          .map(Transition::next)
          .filter(reached::add)
          .forEach(left::add);
    }
    return reached;
  }

  /** The shortest way to each state. */
  private static Map<State, List<Event>> pathsFromBooting() {
    Map<State, List<Event>> paths = new EnumMap<>(State.class);
    paths.put(State.BOOTING, List.of());
    Deque<State> left = new ArrayDeque<>(List.of(State.BOOTING));
    while (!left.isEmpty()) {
      State state = left.remove();
      for (Event event : Event.values()) {
        RestartMachine.transition(state, event)
            .map(Transition::next)
            .filter(next -> !paths.containsKey(next))
            .ifPresent(
                next -> {
                  List<Event> path = new ArrayList<>(paths.get(state));
                  path.add(event);
                  paths.put(next, path);
                  left.add(next);
                });
      }
    }
    return paths;
  }
}
