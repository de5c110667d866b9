package io.goagain.cluster.impl;

import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;

/**
 * What one process sees of the cluster.
 *
 * @param self its own member
 * @param members all members, also those that have no entry
 * @param entries of those that are members, the oldest member first
 * @param safe whether the cluster has all its copies, and nothing moves
 */
record View(String self, Set<String> members, List<Entry> entries, boolean safe) {

  Set<String> nodes() {
    Set<String> nodes = new TreeSet<>();
    entries.forEach(entry -> nodes.add(entry.node()));
    return nodes;
  }

  List<Entry> of(String node) {
    return entries.stream().filter(entry -> entry.node().equals(node)).toList();
  }

  Entry ofMember(String member) {
    return entries.stream()
        .filter(entry -> Objects.equals(entry.member(), member))
        .findFirst()
        .orElse(null);
  }

  View withSafe(boolean isSafe) {
    return new View(self, members, entries, isSafe);
  }
}
