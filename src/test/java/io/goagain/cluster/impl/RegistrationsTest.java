package io.goagain.cluster.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vertx.core.Completable;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.spi.cluster.RegistrationInfo;
import io.vertx.core.spi.cluster.RegistrationListener;
import io.vertx.core.spi.cluster.RegistrationUpdateEvent;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class RegistrationsTest {

  private static final RegistrationInfo CONSUMER = new RegistrationInfo("node", 1, false);
  private static final RegistrationInfo LOCAL = new RegistrationInfo("node", 2, true);

  /** What the cluster was told. */
  private final List<String> told = new ArrayList<>();

  private final Registrations.Cluster cluster =
      new Registrations.Cluster() {
        @Override
        public void add(String address, RegistrationInfo info, Completable<Void> promise) {
          told.add("+" + address);
          promise.succeed();
        }

        @Override
        public void remove(String address, RegistrationInfo info, Completable<Void> promise) {
          told.add("-" + address);
          promise.succeed();
        }

        @Override
        public void get(String address, Completable<List<RegistrationInfo>> promise) {
          promise.succeed(List.of(CONSUMER));
        }
      };

  private static Future<Void> add(Registrations to, String address, RegistrationInfo info) {
    Promise<Void> added = Promise.promise();
    to.add(address, info, added);
    return added.future();
  }

  private static Future<Void> remove(Registrations from, String address) {
    Promise<Void> removed = Promise.promise();
    from.remove(address, CONSUMER, removed);
    return removed.future();
  }

  @Test
  void aProcessWithoutPredecessorTellsAtOnce() {
    Registrations registrations = new Registrations(cluster, false);
    assertTrue(add(registrations, "a", CONSUMER).succeeded());
    assertTrue(remove(registrations, "a").succeeded());
    assertEquals(List.of("+a", "-a"), told);
  }

  @Test
  void aSuccessorKeepsItsConsumersToItself() {
    Registrations registrations = new Registrations(cluster, true);
    assertTrue(add(registrations, "a", CONSUMER).succeeded());
    assertTrue(add(registrations, "b", CONSUMER).succeeded());
    assertTrue(remove(registrations, "b").succeeded());
    assertEquals(List.of(), told);
    assertTrue(registrations.announce().succeeded());
    assertEquals(List.of("+a"), told);
    add(registrations, "c", CONSUMER);
    assertEquals(List.of("+a", "+c"), told);
  }

  @Test
  void whatIsLocalOrTheNodesOwnIsNotHeld() {
    Registrations registrations = new Registrations(cluster, true);
    add(registrations, "a", LOCAL);
    add(registrations, NodeMessages.withdrawn("m"), CONSUMER);
    assertEquals(List.of("+a", "+" + NodeMessages.withdrawn("m")), told);
    told.clear();
    assertEquals(List.of(), registrations.withdraw().result());
    assertEquals(List.of(), told);
  }

  @Test
  void aPredecessorTakesThemBackOnce() {
    Registrations registrations = new Registrations(cluster, false);
    add(registrations, "a", CONSUMER);
    add(registrations, "b", CONSUMER);
    told.clear();
    assertEquals(List.of("a", "b"), registrations.withdraw().result());
    assertEquals(List.of("-a", "-b"), told);
    told.clear();
    assertTrue(remove(registrations, "a").succeeded());
    assertTrue(add(registrations, "c", CONSUMER).succeeded());
    assertEquals(List.of(), registrations.withdraw().result());
    assertEquals(List.of(), told);
  }

  @Test
  void aRefreshReachesWhoeverChoosesNodes() {
    List<String> updated = new ArrayList<>();
    Registrations registrations = new Registrations(cluster, false);
    assertTrue(registrations.refresh(List.of("a")).succeeded());
    registrations.listener(
        new RegistrationListener() {
          @Override
          public boolean wantsUpdatesFor(String address) {
            return address.equals("a");
          }

          @Override
          public void registrationsUpdated(RegistrationUpdateEvent event) {
            updated.add(event.address() + event.registrations().size());
          }
        });
    assertTrue(registrations.refresh(List.of("a", "b")).succeeded());
    assertEquals(List.of("a1"), updated);
  }
}
