package io.goagain.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ControlSocketPathTest {

  private static final Map<String, String> ENVIRONMENT =
      Map.of(
          "RUNTIME_DIRECTORY", "/run/app:/run/other",
          "XDG_RUNTIME_DIR", "/run/user/7",
          "INSTANCE", "blue",
          "MONEY", "${INSTANCE}$$",
          "EMPTY", "",
          "home", "not this one");
  private static final ControlSocketPath.Host USER =
      new ControlSocketPath.Host("/home/app", "/var/tmp", "app", "/srv/app", false);
  private static final ControlSocketPath.Host ROOT =
      new ControlSocketPath.Host("?", null, "", "/", true);

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          /run/x.sock,                       /run/x.sock
          ${runtime}/x.sock,                 /run/app/x.sock
          ${RUNTIME_DIRECTORY}/x,            /run/app:/run/other/x
          ${XDG_RUNTIME_DIR}/x,              /run/user/7/x
          ${home}/x.sock,                    /home/app/x.sock
          ${tmp}/${user}-${INSTANCE}.sock,   /var/tmp/app-blue.sock
          /a/${EMPTY}/x,                     /a/x
          /a/${MONEY}/x,                     /a/${INSTANCE}$$/x
          /a/$$x,                            /a/$x
          /a/$${home}/$$$$,                  /a/${home}/$$
          /a/$$${user},                      /a/$app
          x.sock,                            /srv/app/x.sock
          ../x.sock,                         /srv/x.sock
          ${INSTANCE}/x,                     /srv/app/blue/x
          /a/../b//./x,                      /b/x
          ${runtime}/../x,                   /run/x
          """)
  void isFilledIn(String configured, String path) {
    assertEquals(path, ControlSocketPath.resolve(configured, ENVIRONMENT, USER));
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          /run/a:/run/b,  /run/user/7,  false,  /run/a/x
          /run/a,         ,             true,   /run/a/x
          '',             /run/user/7,  false,  /run/user/7/x
          ,               /run/user/0,  true,   /run/user/0/x
          ,               ,             true,   /run/x
          ,               '',           true,   /run/x
          """)
  void theRuntimeDirectoryIsSystemdsOrTheSessionsOrRoots(
      String systemd, String session, boolean root, String path) {
    Map<String, String> environment = new HashMap<>();
    if (systemd != null) {
      environment.put("RUNTIME_DIRECTORY", systemd);
    }
    if (session != null) {
      environment.put("XDG_RUNTIME_DIR", session);
    }
    assertEquals(path, ControlSocketPath.resolve("${runtime}/x", environment, root ? ROOT : USER));
  }

  @Test
  void withoutARuntimeDirectoryTheVariablesAreNamed() {
    assertEquals(
        "the path of the control socket \"${runtime}/x\": ${runtime} needs RUNTIME_DIRECTORY, which"
            + " systemd sets for RuntimeDirectory=, or XDG_RUNTIME_DIR; there are ${runtime},"
            + " ${home}, ${tmp}, ${user}, ${NAME} for a variable of the environment that is set,"
            + " and $$ for a dollar",
        refusal("${runtime}/x", Map.of(), USER));
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          /a/${nothing}/x,  ${nothing} is not known
          /a/${}/x,         ${} is not known
          /a/${Home}/x,     ${Home} is not known
          /a/${home,        '${home does not end, or has no braces'
          /a/$HOME/x,       '$HOME/x does not end, or has no braces'
          /a/$,             '$ does not end, or has no braces'
          /a/$$$,           '$ does not end, or has no braces'
          """)
  void whatCannotBeFilledInIsNamed(String configured, String what) {
    String message = refusal(configured, ENVIRONMENT, USER);
    assertTrue(
        message.startsWith(
            "the path of the control socket \""
                + configured
                + "\": "
                + what
                + "; there are ${runtime}, ${home}, ${tmp}, ${user}, "),
        message);
  }

  @ParameterizedTest
  @CsvSource({"home", "tmp", "user"})
  void whatTheSystemDoesNotKnowIsNotFilledIn(String name) {
    String message = refusal("/${" + name + "}/x", ENVIRONMENT, ROOT);
    assertTrue(message.contains("${" + name + "} is not known"), message);
  }

  @Test
  void emptyIsRefused() {
    assertEquals("the path of the control socket is empty", refusal(" ", ENVIRONMENT, USER));
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void ofThisProcess() {
    Path here = Path.of("").toAbsolutePath();
    String x = here.resolve("x").toString();
    assertEquals(x, ControlSocketPath.resolve("x", Map.of()));
    assertEquals(x, ControlSocketPath.resolve("x", Map.of("PWD", "/no/such/directory")));
    assertEquals(
        Path.of(System.getProperty("user.home"), System.getProperty("user.name")).toString(),
        ControlSocketPath.resolve("${home}/${user}", Map.of()));
  }

  private static String refusal(
      String configured, Map<String, String> environment, ControlSocketPath.Host host) {
    return assertThrows(
            IllegalArgumentException.class,
            () -> ControlSocketPath.resolve(configured, environment, host))
        .getMessage();
  }
}
