package io.goagain.cluster.impl;

/** The addresses at which processes of a cluster talk to each other. */
final class NodeMessages {

  private static final String PREFIX = "goagain.cluster.node.";

  private NodeMessages() {}

  /**
   * Tells a process that another one consumes nothing any more: {@code {addresses}}. It replies
   * when it sends nothing there any more, behind all that it has sent.
   */
  static String withdrawn(String member) {
    return PREFIX + member;
  }

  /** Whether an address is the process's own, which it has as long as it is in the cluster. */
  static boolean isOwn(String address) {
    return address.startsWith(PREFIX);
  }

  /** Whether messages there are no business of the application's. */
  static boolean isInternal(String address) {
    return address.startsWith("goagain.");
  }
}
