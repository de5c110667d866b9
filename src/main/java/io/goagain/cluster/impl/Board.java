package io.goagain.cluster.impl;

import com.hazelcast.cluster.Member;
import com.hazelcast.config.Config;
import com.hazelcast.config.InMemoryFormat;
import com.hazelcast.config.MapConfig;
import com.hazelcast.config.MergePolicyConfig;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.map.IMap;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The one place in the cluster where the plan and the entries are: a map with copies on as many
 * members as Hazelcast allows, so that any majority of up to thirteen members has it. Blocks: for
 * worker threads.
 */
public final class Board {

  /** The name of the map. */
  public static final String MAP = "goagain.cluster";

  private static final String PLAN = "plan";

  private final HazelcastInstance hazelcast;
  private final IMap<String, String> map;

  Board(HazelcastInstance hazelcast) {
    this.hazelcast = hazelcast;
    this.map = hazelcast.getMap(MAP);
  }

  /** Adds the configuration of the map, if there is none of that name. */
  public static void configure(Config config) {
    if (!config.getMapConfigs().containsKey(MAP)) {
      config.addMapConfig(
          new MapConfig(MAP)
              .setBackupCount(MapConfig.MAX_BACKUP_COUNT)
              .setInMemoryFormat(InMemoryFormat.BINARY)
              .setMergePolicyConfig(new MergePolicyConfig(NewestPlan.class.getName(), 100)));
    }
  }

  /** What is on it, as one process sees it. */
  record Seen(String plan, View view) {}

  /** Another one after a merge: Hazelcast gives those who join the other part a new one. */
  String self() {
    return hazelcast.getCluster().getLocalMember().getUuid().toString();
  }

  /** The address of this process's member, without the port. */
  String host() {
    return hazelcast.getCluster().getLocalMember().getAddress().getHost();
  }

  IMap<String, String> map() {
    return map;
  }

  Seen read() {
    List<String> members = new ArrayList<>();
    for (Member member : hazelcast.getCluster().getMembers()) {
      members.add(member.getUuid().toString());
    }
    Set<String> keys = new LinkedHashSet<>(members);
    keys.add(PLAN);
    Map<String, String> values = map.getAll(keys);
    List<Entry> entries = new ArrayList<>();
    for (String member : members) {
      String entry = values.get(member);
      if (entry != null) {
        entries.add(Entry.of(new JsonObject(entry)));
      }
    }
    return new Seen(
        values.get(PLAN), new View(self(), Set.copyOf(members), List.copyOf(entries), false));
  }

  /** Whether all copies are there, on all members, and nothing moves. */
  boolean isSafe() {
    return hazelcast.getPartitionService().isClusterSafe();
  }

  /** Whether the plan was still the one that was seen, or none; now it is the next. */
  boolean replacePlan(String seen, Plan next) {
    String json = next.toJson().encode();
    return seen == null ? map.putIfAbsent(PLAN, json) == null : map.replace(PLAN, seen, json);
  }

  void writeOwn(Entry entry) {
    map.set(entry.member(), entry.toJson().encode());
  }

  void removeOwn() {
    map.delete(self());
  }

  /** Removes what processes have left that are no members any more. */
  void sweep() {
    Set<String> members = new LinkedHashSet<>();
    Set<String> keys = map.keySet();
    // Members after keys: a process that has just come is among both.
    for (Member member : hazelcast.getCluster().getMembers()) {
      members.add(member.getUuid().toString());
    }
    for (String key : keys) {
      if (!key.equals(PLAN) && !members.contains(key)) {
        map.delete(key);
      }
    }
  }
}
