package io.goagain.cluster;

/**
 * The event-bus addresses of {@link ClusterVerticle}. All are local to the process, and it makes no
 * difference which process of a cluster is asked: what they are about is in the cluster.
 */
public final class ClusterMessages {

  /**
   * Restarts the nodes of the cluster, one after another. Body: null, or
   *
   * <ul>
   *   <li>{@code maxUnavailable}: how many nodes may be in a handover or missing at a time; 1.
   *   <li>{@code order}: a list of the nodes' names, or {@code "oldest first"}, the default, in
   *       which the very oldest goes last, as it coordinates.
   *   <li>{@code nodes}: the names of those to restart; all.
   *   <li>{@code onFailure}: {@code "abort"} after the first node that fails, the default, or
   *       {@code "continue"}.
   *   <li>{@code settleMillis}: how long a node has to be well before the next one; 2000.
   *   <li>{@code stepTimeout}: how long one node may take, in milliseconds; 300000.
   *   <li>{@code dryRun}: only answers.
   * </ul>
   *
   * Reply, at once: {@code {plan, dryRun, order}}, with the id of the plan; else a failure with a
   * code of {@link io.goagain.RestartFailure}: {@code IN_PROGRESS}, whose message has the id of the
   * plan that is in progress, or {@code INVALID_REQUEST}, whose message names the field.
   */
  public static final String RESTART = "goagain.cluster.restart";

  /**
   * Asks how things are. Reply: {@code {node, nodes, plan}}: the node that was asked; {@code {node,
   * member, host, pid, generation, version, state, healthy, since}} of each process, the oldest
   * first; and the last plan, or null. Its {@code state} is {@code RUNNING}, {@code STOPPING},
   * {@code COMPLETED} or {@code ABORTED}, which {@code reason} explains. Each of its {@code steps}
   * has {@code node}, {@code phase}, the {@code millis} of each phase and, if it failed, {@code
   * failure}, {@code failedIn} and {@code reason}.
   */
  public static final String STATUS = "goagain.cluster.status";

  /**
   * Published in every process at every change of a plan: {@code {type, plan, at, ...}}. The types
   * are {@code running}, {@code stopping}, {@code completed} and {@code aborted} for the plan, and
   * {@code step} for one of its steps.
   */
  public static final String EVENTS = "goagain.cluster.events";

  /**
   * Stops the plan before its next node. What is under way comes to its end. Reply: {@code {plan,
   * underWay}}; a failure with the code of {@code INVALID_REQUEST} if no plan is in progress.
   */
  public static final String ABORT = "goagain.cluster.abort";

  private ClusterMessages() {}
}
