package io.goagain;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RestartOptionsTest {

  @Test
  void defaultsAreAsDocumented() {
    RestartOptions options = new RestartOptions();
    assertEquals(RestartStrategy.AUTO, options.getStrategy());
    assertEquals(60_000, options.getReadyTimeout());
    assertEquals(30_000, options.getDrainTimeout());
    assertEquals(5_000, options.getProbation());
    assertNull(options.getCommand());
    assertEquals(Map.of(), options.getEnvironment());
    assertNull(options.getWorkingDirectory());
    assertEquals(Set.of("USR2", "TERM", "INT", "HUP", "USR1"), options.getSignals());
    assertNull(options.getPidFile());
  }

  @Test
  void emptyJsonMeansTheDefaults() {
    assertSameOptions(new RestartOptions(), new RestartOptions(new JsonObject()));
  }

  @Test
  void defaultsSurviveTheRoundTrip() {
    assertSameOptions(new RestartOptions(), throughText(new RestartOptions()));
  }

  @Test
  void everyOptionSurvivesTheRoundTrip() {
    assertSameOptions(unlikeTheDefaults(), throughText(unlikeTheDefaults()));
  }

  @Test
  void everyOptionHasAFieldOfItsName() {
    assertEquals(
        Set.of(
            "strategy",
            "readyTimeout",
            "drainTimeout",
            "probation",
            "command",
            "environment",
            "workingDirectory",
            "signals",
            "pidFile",
            "controlSocket",
            "controlSocketMode",
            "controlSocketGroup",
            "controlSocketUsers",
            "warmUp",
            "readinessTimeout",
            "archive",
            "archiveDirectory"),
        unlikeTheDefaults().toJson().fieldNames());
  }

  @Test
  void aVariableThatIsToBeRemovedSurvivesTheRoundTrip() {
    Map<String, String> changes = new HashMap<>();
    changes.put("REMOVED", null);
    changes.put("EMPTY", "");
    Map<String, String> back =
        throughText(new RestartOptions().setEnvironment(changes)).getEnvironment();
    assertEquals(changes, back);
    assertTrue(back.containsKey("REMOVED"));
  }

  @Test
  void nullInJsonTakesBackWhatCanBeNull() {
    RestartOptions options =
        new RestartOptions(
            new JsonObject("{\"command\":null,\"workingDirectory\":null,\"pidFile\":null}"));
    assertSameOptions(new RestartOptions(), options);
  }

  @Test
  void theCopyHasEveryOption() {
    assertSameOptions(unlikeTheDefaults(), new RestartOptions(unlikeTheDefaults()));
  }

  @Test
  void theCopyGoesItsOwnWay() {
    RestartOptions original = unlikeTheDefaults();
    RestartOptions copy = new RestartOptions(original);
    copy.setReadyTimeout(9)
        .setDrainTimeout(9)
        .setProbation(9)
        .setCommand(List.of("other"))
        .setEnvironment(Map.of("OTHER", "1"))
        .setWorkingDirectory("/other")
        .setSignals(Set.of("INT"))
        .setPidFile("/other.pid")
        .setControlSocket("/other.sock")
        .setControlSocketMode("0666")
        .setControlSocketGroup("other")
        .setControlSocketUsers(List.of("other"))
        .setReadinessTimeout(9)
        .setArchive(ArchiveMode.AUTO)
        .setArchiveDirectory("/other");
    copy.getWarmUp().setConcurrency(9).setRequests(List.of());
    assertSameOptions(unlikeTheDefaults(), original);
  }

  @Test
  void collectionsAreTakenAsTheyWereWhenTheyWereSet() {
    List<String> command = new ArrayList<>(List.of("java"));
    Map<String, String> environment = new HashMap<>(Map.of("A", "1"));
    Set<String> signals = new HashSet<>(Set.of("USR2"));
    RestartOptions options =
        new RestartOptions().setCommand(command).setEnvironment(environment).setSignals(signals);
    command.add("-version");
    environment.put("B", "2");
    signals.add("nonsense");
    assertEquals(List.of("java"), options.getCommand());
    assertEquals(Map.of("A", "1"), options.getEnvironment());
    assertEquals(Set.of("USR2"), options.getSignals());
  }

  @Test
  void collectionsThatAreGivenOutCannotBeChanged() {
    RestartOptions options = unlikeTheDefaults();
    assertAll(
        () ->
            assertThrows(
                UnsupportedOperationException.class, () -> options.getCommand().add("more")),
        () ->
            assertThrows(
                UnsupportedOperationException.class, () -> options.getSignals().add("KILL")),
        () ->
            assertThrows(
                UnsupportedOperationException.class,
                () -> options.getEnvironment().put("A=B", "1")));
  }

  @Test
  void noTimeToDrainAndNoProbationAreAllowed() {
    assertEquals(0, new RestartOptions().setDrainTimeout(0).getDrainTimeout());
    assertEquals(0, new RestartOptions().setProbation(0).getProbation());
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '`',
      textBlock =
          """
          `{"nonsense": 1}`,                   nonsense,         there is no option
          `{"readyTimeout": "soon"}`,          readyTimeout,     soon
          `{"readyTimeout": null}`,            readyTimeout,     null
          `{"readyTimeout": 0}`,               readyTimeout,     is 0
          `{"readyTimeout": -1}`,              readyTimeout,     is -1
          `{"drainTimeout": "never"}`,         drainTimeout,     never
          `{"drainTimeout": -5}`,              drainTimeout,     is -5
          `{"probation": -2}`,                 probation,        is -2
          `{"probation": true}`,               probation,        true
          `{"command": []}`,                   command,          empty
          `{"command": ["", "x"]}`,            command,          empty
          `{"command": "java -jar x"}`,        command,          java -jar x
          `{"command": ["java", 17]}`,         command,          17
          `{"command": ["java", null]}`,       command,          null
          `{"command": ["a\\u0000b"]}`,        command,          NUL
          `{"environment": {"": "1"}}`,        environment,      `""`
          `{"environment": {"A=B": "1"}}`,     environment,      A=B
          `{"environment": {"A\\u0000": ""}}`, environment,      NUL
          `{"environment": {"A": "\\u0000"}}`, environment,      NUL
          `{"environment": {"A": 1}}`,         environment,      `{"A":1}`
          `{"environment": null}`,             environment,      null
          `{"environment": ["A"]}`,            environment,      `["A"]`
          `{"workingDirectory": 5}`,           workingDirectory, 5
          `{"signals": ["KILL"]}`,             signals,          KILL
          `{"signals": ["SIGUSR2"]}`,          signals,          SIGUSR2
          `{"signals": ["usr2"]}`,             signals,          usr2
          `{"signals": [12]}`,                 signals,          12
          `{"signals": "USR2"}`,               signals,          USR2
          `{"signals": null}`,                 signals,          null
          `{"strategy": "triple"}`,            strategy,         triple
          `{"strategy": 3}`,                   strategy,         3
          `{"strategy": null}`,                strategy,         null
          `{"pidFile": true}`,                 pidFile,          true
          `{"controlSocket": ""}`,             controlSocket,    empty
          `{"controlSocket": "a\\u0000b"}`,    controlSocket,    NUL
          `{"controlSocket": 7}`,              controlSocket,    7
          `{"controlSocketMode": "rw"}`,       controlSocketMode, rw
          `{"controlSocketMode": 600}`,        controlSocketMode, 600
          `{"controlSocketMode": null}`,       controlSocketMode, null
          `{"controlSocketMode": "4755"}`,     controlSocketMode, 4755
          `{"controlSocketGroup": 5}`,         controlSocketGroup, 5
          `{"controlSocketUsers": "me"}`,      controlSocketUsers, me
          `{"controlSocketUsers": [1000]}`,    controlSocketUsers, 1000
          `{"controlSocketUsers": null}`,      controlSocketUsers, null
          `{"readinessTimeout": -1}`,          readinessTimeout, is -1
          `{"archive": "on"}`,                 archive,          on
          `{"archive": true}`,                 archive,          true
          `{"archiveDirectory": ""}`,          archiveDirectory, empty
          `{"archiveDirectory": 7}`,           archiveDirectory, 7
          `{"warmUp": true}`,                  warmUp,           true
          `{"warmUp": {"nonsense": 1}}`,       warmUp,           nonsense
          `{"warmUp": {"requests": {}}}`,      warmUp,           requests
          `{"warmUp": {"concurrency": 0}}`,    warmUp,           is 0
          `{"warmUp": {"minDuration": -1}}`,   warmUp,           is -1
          `{"warmUp": {"maxDuration": 0}}`,    warmUp,           is 0
          `{"warmUp": {"onFailure": "no"}}`,   warmUp,           is no
          `{"warmUp": {"requests": [{"path": "x"}]}}`,           warmUp, x
          `{"warmUp": {"requests": [{"method": "GET /"}]}}`,     warmUp, GET /
          `{"warmUp": {"requests": [{"weight": 0}]}}`,           warmUp, is 0
          `{"warmUp": {"requests": [{"headers": {"a": 1}}]}}`,   warmUp, headers
          `{"warmUp": {"requests": [{"what": 1}]}}`,             warmUp, what
          """)
  void errorsNameTheFieldAndTheValue(String json, String field, String value) {
    IllegalArgumentException refusal =
        assertThrows(
            IllegalArgumentException.class, () -> new RestartOptions(new JsonObject(json)));
    assertTrue(refusal.getMessage().contains("\"" + field + "\""), refusal::getMessage);
    assertTrue(refusal.getMessage().contains(value), refusal::getMessage);
  }

  private static RestartOptions unlikeTheDefaults() {
    Map<String, String> environment = new LinkedHashMap<>();
    environment.put("ADDED", "value with spaces");
    environment.put("REMOVED", null);
    return new RestartOptions()
        .setStrategy(RestartStrategy.DOUBLE)
        .setReadyTimeout(1)
        .setDrainTimeout(2L << 32)
        .setProbation(0)
        .setCommand(Arrays.asList("/opt/app/current/bin/java", "-jar", "", "\u00fc.jar"))
        .setEnvironment(environment)
        .setWorkingDirectory("/opt/app/current")
        .setSignals(Set.of("USR2", "TERM"))
        .setPidFile("/run/app.pid")
        .setControlSocket("${runtime}/app.sock")
        .setControlSocketMode("0660")
        .setControlSocketGroup("deployers")
        .setControlSocketUsers(List.of("deploy", "1000"))
        .setWarmUp(
            new WarmUpOptions()
                .setRequests(
                    List.of(
                        new WarmUpRequest()
                            .setListener("public")
                            .setMethod("post")
                            .setPath("/a?b=c")
                            .setHeaders(Map.of("Host", "example.org"))
                            .setBody("body")
                            .setWeight(3),
                        new WarmUpRequest()))
                .setConcurrency(4)
                .setMinDuration(0)
                .setMaxDuration(700)
                .setOnFailure(WarmUpOptions.OnFailure.LOG))
        .setReadinessTimeout(0)
        .setArchive(ArchiveMode.OFF)
        .setArchiveDirectory("cache");
  }

  private static RestartOptions throughText(RestartOptions options) {
    return new RestartOptions(new JsonObject(options.toJson().encode()));
  }

  private static void assertSameOptions(RestartOptions expected, RestartOptions actual) {
    assertAll(
        () -> assertEquals(expected.getStrategy(), actual.getStrategy()),
        () -> assertEquals(expected.getReadyTimeout(), actual.getReadyTimeout()),
        () -> assertEquals(expected.getDrainTimeout(), actual.getDrainTimeout()),
        () -> assertEquals(expected.getProbation(), actual.getProbation()),
        () -> assertEquals(expected.getCommand(), actual.getCommand()),
        () -> assertEquals(expected.getEnvironment(), actual.getEnvironment()),
        () -> assertEquals(expected.getWorkingDirectory(), actual.getWorkingDirectory()),
        () -> assertEquals(expected.getSignals(), actual.getSignals()),
        () -> assertEquals(expected.getPidFile(), actual.getPidFile()),
        () -> assertEquals(expected.getControlSocket(), actual.getControlSocket()),
        () -> assertEquals(expected.getControlSocketMode(), actual.getControlSocketMode()),
        () -> assertEquals(expected.getControlSocketGroup(), actual.getControlSocketGroup()),
        () -> assertEquals(expected.getControlSocketUsers(), actual.getControlSocketUsers()),
        () -> assertEquals(expected.getWarmUp().toJson(), actual.getWarmUp().toJson()),
        () -> assertEquals(expected.getReadinessTimeout(), actual.getReadinessTimeout()),
        () -> assertEquals(expected.getArchive(), actual.getArchive()),
        () -> assertEquals(expected.getArchiveDirectory(), actual.getArchiveDirectory()));
  }
}
