/**
 * Rolling restarts of a whole cluster, from inside it. Needs vertx-hazelcast, which is optional:
 * nothing else refers to this package.
 */
package io.goagain.cluster;
