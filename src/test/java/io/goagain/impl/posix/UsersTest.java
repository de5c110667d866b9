package io.goagain.impl.posix;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@EnabledOnOs(OS.LINUX)
class UsersTest {

  /** Names with numbers that tell the field from its neighbours, which for root are all 0. */
  @Test
  void namesAreLookedUpAsTheDatabasesHaveThem() throws Exception {
    for (String line : Files.readAllLines(Path.of("/etc/passwd"))) {
      List<String> fields = List.of(line.split(":"));
      assertEquals(Integer.parseInt(fields.get(2)), Users.uidOf(fields.get(0)), line);
    }
    for (String line : Files.readAllLines(Path.of("/etc/group"))) {
      List<String> fields = List.of(line.split(":"));
      assertEquals(Integer.parseInt(fields.get(2)), Users.gidOf(fields.get(0)), line);
    }
  }

  @Test
  void numbersAreTakenAsTheyAre() {
    assertEquals(0, Users.uidOf("0"));
    assertEquals(123456, Users.uidOf("123456"));
    assertEquals(123456, Users.gidOf("0123456"));
    assertEquals(-2, Users.gidOf("4294967294"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"4294967295", "4294967296", "99999999999999999999"})
  void numbersThatAreNone(String number) {
    assertEquals(
        "user " + number + ": the largest number of a user is 4294967294", unknownUser(number));
  }

  @ParameterizedTest
  @ValueSource(strings = {"no-such-user", "", "-1", "root "})
  void anUnknownUserIsNamedWithWhatToDo(String name) {
    assertEquals(
        "there is no user \""
            + name
            + "\" here: see \"getent passwd\" for those there are, or give its number",
        unknownUser(name));
  }

  @Test
  void anUnknownGroupIsNamedWithWhatToDo() {
    assertEquals(
        "there is no group \"root\\0\" here: see \"getent group\" for those there are, or give its"
            + " number",
        assertThrows(IllegalArgumentException.class, () -> Users.gidOf("root\0")).getMessage());
  }

  @Test
  void theEffectiveUserIsTheKernels() throws Exception {
    assertEquals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"), Users.effectiveUser());
  }

  private static String unknownUser(String name) {
    return assertThrows(IllegalArgumentException.class, () -> Users.uidOf(name)).getMessage();
  }
}
