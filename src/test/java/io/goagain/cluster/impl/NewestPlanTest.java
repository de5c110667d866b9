package io.goagain.cluster.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.hazelcast.spi.merge.MergingValue;
import org.junit.jupiter.api.Test;

/** What Hazelcast asks when two parts of a cluster have found each other. */
class NewestPlanTest {
  private static final String OLDER = "{\"id\":\"p\",\"version\":7}";
  private static final String NEWER = "{\"id\":\"p\",\"version\":8}";
  private static final String PROCESS = "{\"node\":\"n0\",\"version\":null,\"pid\":1}";
  private static final String OF_A_PROGRAM = "{\"node\":\"n0\",\"version\":\"1.4\",\"pid\":2}";

  private record Value(Object get) implements MergingValue<Object> {
    @Override
    public Object getRawValue() {
      return get;
    }

    @Override
    public Object getDeserializedValue() {
      return get;
    }
  }

  private static Object merged(Object arriving, Object present) {
    return new NewestPlan().merge(new Value(arriving), new Value(present));
  }

  @Test
  void theHigherVersionStays() {
    assertEquals(NEWER, merged(NEWER, OLDER));
    assertEquals(NEWER, merged(OLDER, NEWER));
  }

  @Test
  void whatIsThereStaysWhereNothingIsCounted() {
    assertEquals(PROCESS, merged(OF_A_PROGRAM, PROCESS));
    assertEquals(OF_A_PROGRAM, merged(PROCESS, OF_A_PROGRAM));
  }

  @Test
  void whatOnlyOnePartHasStays() {
    assertEquals(PROCESS, merged(PROCESS, null));
    assertEquals(OLDER, new NewestPlan().merge(new Value(OLDER), null));
  }
}
