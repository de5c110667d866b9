package io.goagain.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import org.junit.jupiter.api.Test;

class SystemdUnitTest {

  @Test
  void theUnitIsTheLastServiceOfTheControlGroup() {
    assertEquals("app.service", SystemdUnit.ofControlGroup("0::/system.slice/app.service\n"));
    assertEquals(
        "app@8081.service",
        SystemdUnit.ofControlGroup("0::/system.slice/system-app.slice/app@8081.service/worker\n"));
    assertEquals(
        "app.service",
        SystemdUnit.ofControlGroup(
            "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app.service\n"));
    assertEquals(
        "app.service",
        SystemdUnit.ofControlGroup("12:cpu:/x\n1:name=systemd:/system.slice/app.service\n0::/\n"));
  }

  @Test
  void outsideOfAServiceThereIsNone() {
    assertNull(SystemdUnit.ofControlGroup("0::/\n"));
    assertNull(SystemdUnit.ofControlGroup("0::/user.slice/session-2.scope\n"));
    assertNull(SystemdUnit.ofControlGroup(""));
  }
}
