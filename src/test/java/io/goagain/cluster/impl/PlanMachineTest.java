package io.goagain.cluster.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.cluster.impl.Entry.Order;
import io.goagain.cluster.impl.Entry.Outcome;
import io.goagain.cluster.impl.Plan.State;
import io.goagain.cluster.impl.Step.Phase;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** A plan, played against a cluster that exists on paper, with a clock that is a number. */
class PlanMachineTest {

  /** The cluster: the oldest process first. A process is "node/generation". */
  private final List<Entry> entries = new ArrayList<>();

  private boolean safe = true;
  private long now = 1_000_000;
  private Plan plan;

  private void cluster(String... nodes) {
    for (String node : nodes) {
      entries.add(process(node, 1));
    }
  }

  private static Entry process(String node, int generation) {
    return new Entry(
        node,
        node + "/" + generation,
        "h",
        generation,
        generation,
        null,
        "SERVING",
        1,
        null,
        0,
        0,
        null);
  }

  private View view(String self) {
    Set<String> members = entries.stream().map(Entry::member).collect(Collectors.toSet());
    return new View(self, members, List.copyOf(entries), safe);
  }

  private View view() {
    return view(entries.get(0).member());
  }

  private void ask(String json) {
    plan = PlanRequest.of(new JsonObject(json)).toPlan(view(), "p", "a", 1, now);
  }

  private void look() {
    plan = PlanMachine.next(plan, view(), now);
  }

  private void lookAfter(long millis) {
    now += millis;
    look();
  }

  private void replace(String member, Entry by) {
    entries.replaceAll(entry -> entry.member().equals(member) ? by : entry);
  }

  private void leave(String member) {
    entries.removeIf(entry -> entry.member().equals(member));
  }

  private Entry entry(String member) {
    return view().ofMember(member);
  }

  private void answers(String member, Outcome outcome, String failure) {
    Entry e = entry(member);
    replace(
        member,
        new Entry(
            e.node(),
            e.member(),
            e.host(),
            e.pid(),
            e.generation(),
            null,
            e.state(),
            1,
            e.sick(),
            e.errors(),
            0,
            new Order("p", outcome, failure, failure == null ? null : "it broke")));
  }

  private void isSick(String member, String what) {
    Entry e = entry(member);
    replace(
        member,
        new Entry(
            e.node(),
            e.member(),
            e.host(),
            e.pid(),
            e.generation(),
            null,
            e.state(),
            1,
            what,
            e.errors(),
            0,
            e.order()));
  }

  private String phases() {
    return plan.steps().stream()
        .map(step -> step.node() + ":" + step.phase())
        .collect(Collectors.joining(" "));
  }

  /** Restarts a node that has its order, up to the end of its step. */
  private void restart(String node, int generation) {
    answers(node + "/" + generation, Outcome.TAKEN, null);
    look();
    answers(node + "/" + generation, Outcome.RESTARTED, null);
    look();
    entries.add(process(node, generation + 1));
    look();
    leave(node + "/" + generation);
    look(); // it has left
    look(); // the cluster is safe
    lookAfter(plan.settleMillis());
  }

  @Test
  void theOldestGoesLast() {
    cluster("a", "b", "c");
    ask("{}");
    assertEquals("b:WAITING c:WAITING a:WAITING", phases());
  }

  @Test
  void oneAfterAnother() {
    cluster("a", "b", "c");
    ask("{}");
    look();
    assertEquals("b:ORDERED c:WAITING a:WAITING", phases());
    restart("b", 1);
    assertEquals("b:DONE c:ORDERED a:WAITING", phases());
    restart("c", 1);
    restart("a", 1);
    assertEquals("b:DONE c:DONE a:DONE", phases());
    assertEquals(State.COMPLETED, plan.state());
  }

  @Test
  void eachPhaseHasItsCondition() {
    cluster("a", "b");
    ask("{\"settleMillis\":100}");
    look();
    assertEquals(Phase.ORDERED, plan.stepOf("b").phase());
    look();
    assertEquals(Phase.ORDERED, plan.stepOf("b").phase());
    answers("b/1", Outcome.TAKEN, null);
    look();
    assertEquals(Phase.RESTARTING, plan.stepOf("b").phase());
    lookAfter(50);
    answers("b/1", Outcome.RESTARTED, null);
    look();
    assertEquals(Phase.JOINING, plan.stepOf("b").phase());
    entries.add(process("b", 2));
    look();
    assertEquals(Phase.LEAVING, plan.stepOf("b").phase());
    assertEquals(2, plan.stepOf("b").successorPid());
    leave("b/1");
    safe = false;
    look();
    assertEquals(Phase.BALANCING, plan.stepOf("b").phase());
    look();
    assertEquals(Phase.BALANCING, plan.stepOf("b").phase());
    safe = true;
    look();
    assertEquals(Phase.SETTLING, plan.stepOf("b").phase());
    lookAfter(99);
    assertEquals(Phase.SETTLING, plan.stepOf("b").phase());
    lookAfter(1);
    assertEquals(Phase.DONE, plan.stepOf("b").phase());
    assertEquals(50, plan.stepOf("b").millis().get(Phase.RESTARTING));
  }

  @Test
  void nothingIsBegunWhileTheClusterIsNotSafe() {
    cluster("a", "b");
    ask("{}");
    safe = false;
    Plan before = plan;
    look();
    assertSame(before, plan);
  }

  @Test
  void aFailedRestartEndsThePlan() {
    cluster("a", "b", "c");
    ask("{}");
    look();
    answers("b/1", Outcome.FAILED, "SUCCESSOR_EXITED");
    look();
    assertEquals("b:FAILED c:UNTOUCHED a:UNTOUCHED", phases());
    assertEquals(State.ABORTED, plan.state());
    assertEquals("b failed (ORDERED): SUCCESSOR_EXITED: it broke", plan.reason());
    assertEquals(Phase.ORDERED, plan.stepOf("b").failedIn());
  }

  @Test
  void aFailedRestartDoesNotIfThatIsWanted() {
    cluster("a", "b", "c");
    ask("{\"onFailure\":\"continue\"}");
    look();
    answers("b/1", Outcome.FAILED, "SUCCESSOR_EXITED");
    look();
    assertEquals("b:FAILED c:ORDERED a:WAITING", phases());
    restart("c", 1);
    restart("a", 1);
    assertEquals(State.COMPLETED, plan.state());
  }

  @Test
  void whatIsUnderWayComesToItsEndBeforeAnAbort() {
    cluster("a", "b", "c", "d");
    ask("{\"maxUnavailable\":2}");
    look();
    assertEquals("b:ORDERED c:ORDERED d:WAITING a:WAITING", phases());
    answers("b/1", Outcome.FAILED, "NOT_READY");
    look();
    assertEquals(State.STOPPING, plan.state());
    restart("c", 1);
    assertEquals("b:FAILED c:DONE d:UNTOUCHED a:UNTOUCHED", phases());
    assertEquals(State.ABORTED, plan.state());
  }

  @Test
  void aNodeWithNoProcessIsGivenSomeTime() {
    cluster("a", "b", "c");
    ask("{}");
    look();
    leave("b/1");
    look();
    assertEquals(Set.of("b"), plan.missing().keySet());
    lookAfter(PlanMachine.VANISHED_MILLIS - 1);
    assertEquals(State.RUNNING, plan.state());
    lookAfter(1);
    assertEquals("VANISHED", plan.stepOf("b").failure());
    assertEquals(State.ABORTED, plan.state());
  }

  @Test
  void aSuccessorWhosePredecessorWasKilledComesInThatTime() {
    cluster("a", "b", "c");
    ask("{}");
    look();
    answers("b/1", Outcome.TAKEN, null);
    look();
    leave("b/1");
    look();
    now += 5_000;
    entries.add(process("b", 2));
    look();
    assertEquals(Set.of(), plan.missing().keySet());
    assertEquals(Phase.BALANCING, plan.stepOf("b").phase());
  }

  @Test
  void aNodeThatIsDoneMayVanishToo() {
    cluster("a", "b", "c");
    ask("{}");
    look();
    restart("b", 1);
    assertEquals("b:DONE c:ORDERED a:WAITING", phases());
    leave("b/2");
    look();
    lookAfter(PlanMachine.VANISHED_MILLIS);
    assertEquals(State.STOPPING, plan.state());
    restart("c", 1);
    assertEquals("b:DONE c:DONE a:UNTOUCHED", phases());
    assertTrue(plan.reason().startsWith("No process of node b"), plan.reason());
  }

  @Test
  void whatIsMissingIsUnavailable() {
    cluster("a", "b", "c", "d");
    ask("{\"onFailure\":\"continue\"}");
    leave("d/1");
    look();
    assertEquals("b:WAITING c:WAITING d:WAITING a:WAITING", phases());
    lookAfter(PlanMachine.VANISHED_MILLIS);
    assertEquals("b:WAITING c:WAITING d:FAILED a:WAITING", phases());
    lookAfter(plan.stepTimeout());
    assertEquals("b:UNTOUCHED c:UNTOUCHED d:FAILED a:UNTOUCHED", phases());
    assertTrue(plan.reason().contains("[d] missing"), plan.reason());
  }

  @Test
  void aNodeThatJoinsIsNoPartOfThePlan() {
    cluster("a", "b", "c");
    ask("{}");
    look();
    entries.add(process("new", 1));
    look();
    restart("b", 1);
    restart("c", 1);
    restart("a", 1);
    assertEquals("b:DONE c:DONE a:DONE", phases());
    assertEquals(State.COMPLETED, plan.state());
  }

  @Test
  void anOrderThatNobodyTakesFails() {
    cluster("a", "b");
    ask("{}");
    look();
    lookAfter(PlanMachine.ORDER_MILLIS);
    assertEquals("STEP_TIMEOUT", plan.stepOf("b").failure());
    assertEquals(State.ABORTED, plan.state());
  }

  @Test
  void aPredecessorThatDoesNotLeaveFails() {
    cluster("a", "b");
    ask("{\"stepTimeout\":60000}");
    look();
    entries.add(process("b", 2));
    look();
    assertEquals(Phase.LEAVING, plan.stepOf("b").phase());
    lookAfter(60_000);
    assertEquals("STEP_TIMEOUT", plan.stepOf("b").failure());
    assertEquals(Phase.LEAVING, plan.stepOf("b").failedIn());
  }

  @Test
  void aSuccessorThatIsLostFails() {
    cluster("a", "b");
    ask("{}");
    look();
    answers("b/1", Outcome.RESTARTED, null);
    entries.add(process("b", 2));
    look();
    leave("b/2");
    answers("b/1", Outcome.FAILED, "SUCCESSOR_LOST");
    look();
    assertEquals("SUCCESSOR_LOST", plan.stepOf("b").failure());
    assertEquals(Phase.LEAVING, plan.stepOf("b").failedIn());
  }

  @Test
  void aNodeThatIsNotWellIsWaitedForAndThenFails() {
    cluster("a", "b");
    ask("{\"settleMillis\":1000}");
    look();
    entries.add(process("b", 2));
    leave("b/1");
    look();
    look();
    isSick("b/2", "errors");
    lookAfter(900);
    isSick("b/2", null);
    lookAfter(900);
    assertEquals(Phase.SETTLING, plan.stepOf("b").phase());
    isSick("b/2", "errors");
    lookAfter(30_000);
    assertEquals("UNHEALTHY", plan.stepOf("b").failure());
    assertEquals("It serves, and is not well: errors", plan.stepOf("b").reason());
  }

  @Test
  void errorsMakeItSettleOnceMore() {
    cluster("a", "b");
    ask("{\"settleMillis\":1000}");
    look();
    entries.add(process("b", 2));
    leave("b/1");
    look();
    answersWithErrors("b/2", 7); // before it settles
    look();
    lookAfter(900);
    answersWithErrors("b/2", 8);
    lookAfter(100);
    assertEquals(Phase.SETTLING, plan.stepOf("b").phase());
    lookAfter(999);
    assertEquals(Phase.SETTLING, plan.stepOf("b").phase());
    lookAfter(1);
    assertEquals(Phase.DONE, plan.stepOf("b").phase());
  }

  private void answersWithErrors(String member, long errors) {
    Entry e = entry(member);
    replace(
        member,
        new Entry(
            e.node(),
            e.member(),
            e.host(),
            e.pid(),
            e.generation(),
            null,
            e.state(),
            1,
            null,
            errors,
            0,
            e.order()));
  }

  @Test
  void theStandInOfTheStrategyDoubleIsNotTheEnd() {
    cluster("a", "b");
    Entry e = entry("b/1");
    replace("b/1", new Entry("b", "b/1", e.host(), 1, 1, null, "SERVING", 2, null, 0, 0, null));
    ask("{}");
    look();
    answers("b/1", Outcome.RESTARTED, null);
    entries.add(process("b", 2));
    leave("b/1");
    look();
    assertEquals(Phase.JOINING, plan.stepOf("b").phase());
    entries.add(process("b", 3));
    look();
    assertEquals(Phase.BALANCING, plan.stepOf("b").phase());
  }

  @Test
  void theCoordinatorIsTheOldestThatIsNotRestarted() {
    cluster("a", "b", "c");
    ask("{\"order\":[\"a\",\"b\",\"c\"]}");
    assertTrue(PlanMachine.coordinates(plan, view("a/1")));
    look();
    assertEquals(Phase.ORDERED, plan.stepOf("a").phase());
    assertFalse(PlanMachine.coordinates(plan, view("a/1")));
    assertTrue(PlanMachine.coordinates(plan, view("b/1")));
    assertFalse(PlanMachine.coordinates(plan, view("c/1")));
    leave("b/1");
    assertTrue(PlanMachine.coordinates(plan, view("c/1")));
  }

  @Test
  void aSingleNodeCoordinatesItself() {
    cluster("a");
    ask("{}");
    look();
    assertTrue(PlanMachine.coordinates(plan, view("a/1")));
    entries.add(process("a", 2));
    leave("a/1");
    assertTrue(PlanMachine.coordinates(plan, view("a/2")));
  }

  @ParameterizedTest
  @CsvSource({"3,3,true", "3,2,true", "3,1,false", "4,2,false", "2,1,false", "1,1,true"})
  void onlyAMajorityActs(int nodes, int seen, boolean acts) {
    for (int i = 0; i < nodes; i++) {
      cluster("n" + i);
    }
    ask("{}");
    while (entries.size() > seen) {
      entries.remove(entries.size() - 1);
    }
    assertEquals(acts, PlanMachine.coordinates(plan, view()));
  }

  @Test
  void twoProcessesOfANodeAreOneNode() {
    cluster("a", "b", "c");
    ask("{}");
    entries.add(process("a", 2));
    leave("b/1");
    leave("c/1");
    assertFalse(PlanMachine.seesMajority(plan, view()));
  }

  @ParameterizedTest
  @EnumSource(
      value = State.class,
      names = {"COMPLETED", "ABORTED"})
  void aPlanThatIsOverStays(State state) {
    cluster("a", "b");
    ask("{}");
    plan = plan.with(state, null);
    Plan before = plan;
    look();
    assertSame(before, plan);
  }

  /** Whatever happens in which order: never more at a time, and none twice. */
  @ParameterizedTest
  @CsvSource({"1", "2", "3"})
  void neverMoreThanMaxUnavailable(int maxUnavailable) {
    cluster("a", "b", "c", "d", "e");
    ask("{\"settleMillis\":0,\"maxUnavailable\":%d}".formatted(maxUnavailable));
    Set<String> ordered = new TreeSet<>();
    int most = 0;
    for (int i = 0; i < 200 && plan.isActive(); i++) {
      lookAfter(10);
      most = Math.max(most, plan.underWay().size());
      for (Step step : plan.underWay()) {
        if (step.phase() == Phase.ORDERED && entry(step.member()).order() == null) {
          assertTrue(ordered.add(step.node()));
          answers(step.member(), Outcome.RESTARTED, null);
        } else if (step.phase() == Phase.JOINING) {
          entries.add(process(step.node(), 2));
        } else if (step.phase() == Phase.LEAVING) {
          leave(step.member());
        }
      }
    }
    assertEquals(State.COMPLETED, plan.state());
    assertEquals(maxUnavailable, most);
    assertEquals(5, ordered.size());
  }

  @Test
  void jsonHasAllOfIt() {
    cluster("a", "b", "c");
    ask("{\"onFailure\":\"continue\"}");
    look();
    answers("b/1", Outcome.FAILED, "NOT_READY");
    leave("c/1");
    lookAfter(7);
    plan = plan.changedBy("a", now);
    assertEquals(plan, Plan.of(new JsonObject(plan.toJson().encode())));
    for (Entry entry : entries) {
      assertEquals(entry, Entry.of(new JsonObject(entry.toJson().encode())));
    }
  }
}
