package io.goagain.cluster.impl;

import com.hazelcast.nio.ObjectDataInput;
import com.hazelcast.nio.ObjectDataOutput;
import com.hazelcast.spi.merge.MergingValue;
import com.hazelcast.spi.merge.SplitBrainMergePolicy;
import io.vertx.core.json.JsonObject;

/**
 * What becomes of a value that two parts of a cluster have changed: that with the higher version
 * stays. Only the part with the majority goes on with a plan, and each change has a version of its
 * own. Entries of processes have none, or a text, the program's: each writes its own again.
 */
public final class NewestPlan
    implements SplitBrainMergePolicy<Object, MergingValue<Object>, Object> {

  /** Made by Hazelcast, by name. */
  public NewestPlan() {}

  @Override
  public Object merge(MergingValue<Object> merging, MergingValue<Object> existing) {
    Object arriving = merging.getDeserializedValue();
    if (existing == null) {
      return arriving;
    }
    Object present = existing.getDeserializedValue();
    if (present == null || version(arriving) > version(present)) {
      return arriving;
    }
    return present;
  }

  private static long version(Object value) {
    if (value instanceof String json
        && new JsonObject(json).getValue("version") instanceof Number version) {
      return version.longValue();
    }
    return -1;
  }

  @Override
  public void writeData(ObjectDataOutput out) {
    // Nothing to configure.
  }

  @Override
  public void readData(ObjectDataInput in) {
    // Nothing to configure.
  }
}
