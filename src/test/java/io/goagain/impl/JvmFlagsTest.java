package io.goagain.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class JvmFlagsTest {

  private static List<String> flags(Map<String, String> environment, String... words) {
    return JvmFlags.of(new Launch(List.of(words), "/", environment));
  }

  @Test
  void upToTheProgram() {
    assertEquals(
        List.of("-Xmx1g", "-Da=b"),
        flags(Map.of(), "java", "-Xmx1g", "-Da=b", "-jar", "a.jar", "-Xshare:off"));
    assertEquals(
        List.of("-ea"), flags(Map.of(), "java", "-cp", "-x:y", "-ea", "com.Main", "-Xshare:off"));
    assertEquals(
        List.of("--module-path", "m", "--add-opens", "a/b=c"),
        flags(Map.of(), "java", "--module-path", "m", "--add-opens", "a/b=c", "-m", "x/y"));
    assertEquals(List.of(), flags(Map.of(), "java"));
  }

  @Test
  void ofTheEnvironment() {
    assertEquals(
        List.of("-Xss1m", "-Xint", "-server"),
        flags(
            Map.of("JAVA_TOOL_OPTIONS", " -Xss1m  -Xint ", "_JAVA_OPTIONS", "-server"),
            "java",
            "Main"));
  }

  @Test
  void obstacles() {
    assertNull(ArchiveKey.obstacle(List.of("-Xmx1g", "-XX:+UseZGC", "-Dx=-Xshare")));
    for (String flag :
        List.of(
            "-Xshare:auto",
            "-XX:SharedArchiveFile=x",
            "-XX:AOTCache=x",
            "-Xlog:gc:file=gc.log",
            "-javaagent:x.jar",
            "@flags")) {
      assertEquals(flag, ArchiveKey.obstacle(List.of("-Xmx1g", flag)));
    }
  }
}
