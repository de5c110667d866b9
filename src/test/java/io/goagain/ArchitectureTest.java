package io.goagain;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static java.util.stream.Collectors.toCollection;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.domain.JavaType;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Who may use what: ARCHITECTURE.md, enforced. */
class ArchitectureTest {

  private static final String API = "io.goagain";
  private static final String IMPL = "io.goagain.impl";
  private static final String CLUSTER = "io.goagain.cluster..";
  private static final String CLI = "io.goagain.cli";
  private static final String NET = "io.goagain.impl.net";
  private static final String POSIX = "io.goagain.impl.posix";

  private static JavaClasses main;

  @BeforeAll
  static void importMainClasses() throws URISyntaxException {
    Path classes =
        Path.of(RestartOptions.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    main = new ClassFileImporter().importPath(classes);
    assertFalse(main.isEmpty(), () -> "no classes in " + classes);
  }

  @Test
  void onlyThePosixPackageUsesJna() {
    noClasses()
        .that()
        .resideOutsideOfPackage(POSIX)
        .should()
        .dependOnClassesThat()
        .resideInAPackage("com.sun.jna..")
        .check(main);
  }

  @Test
  void onlyTheNetPackageUsesNetty() {
    noClasses()
        .that()
        .resideOutsideOfPackage(NET)
        .should()
        .dependOnClassesThat()
        .resideInAPackage("io.netty..")
        .check(main);
  }

  @Test
  void whatIsOptionalIsUsedInAPackageOfItsOwn() {
    for (Map.Entry<String, String> optional :
        Map.of(
                "io.micrometer..", "io.goagain.metrics",
                "io.vertx.ext.healthchecks..", "io.goagain.health",
                "picocli..", "io.goagain.cli",
                "com.hazelcast..", "io.goagain.cluster..",
                "io.vertx.spi.cluster.hazelcast..", "io.goagain.cluster..")
            .entrySet()) {
      noClasses()
          .that()
          .resideOutsideOfPackage(optional.getValue())
          .should()
          .dependOnClassesThat()
          .resideInAPackage(optional.getKey())
          .check(main);
    }
  }

  @Test
  void onlySignalsUsesTheInternalsOfTheJdk() {
    assertEquals(Set.of("io.goagain.impl.Signals"), usersOf("sun.misc.."));
    assertEquals(Set.of(), usersOf("jdk.internal..", "sun.nio..", "sun.net.."));
  }

  @Test
  void nobodyUsesTheImplementationOfVertx() {
    assertEquals(Set.of(), usersOf("io.vertx.core.impl..", "io.vertx.core.net.impl.."));
    assertEquals(Set.of(), usersOf("io.vertx.core.http.impl..", "io.vertx.core.eventbus.impl.."));
  }

  @Test
  void theInternalsOfVertxAreUsedOnlyWhereThereIsNoOtherWay() {
    // The SPI of service providers, and the way from a socket to its channel.
    assertEquals(
        Set.of("io.goagain.impl.GoAgainServiceProvider", "io.goagain.impl.net.SocketStates"),
        usersOf("io.vertx.core.internal.."));
  }

  @Test
  void theSpiOfVertxIsUsedOnlyWhereItIsImplemented() {
    assertEquals(
        Set.of(
            "io.goagain.cluster.GoAgainClusterManager",
            "io.goagain.cluster.impl.Registrations",
            "io.goagain.impl.GoAgainServiceProvider",
            "io.goagain.impl.net.AdoptingTransport"),
        usersOf("io.vertx.core.spi.."));
  }

  @Test
  void nothingElseKnowsTheCluster() {
    noClasses()
        .that()
        .resideOutsideOfPackage(CLUSTER)
        .should()
        .dependOnClassesThat()
        .resideInAPackage(CLUSTER)
        .check(main);
  }

  @Test
  void theClusterKnowsOnlyTheApi() {
    classes()
        .that()
        .resideInAPackage(CLUSTER)
        .should()
        .onlyDependOnClassesThat(
            resideInAnyPackage(CLUSTER, API).or(not(resideInAPackage("io.goagain.."))))
        .check(main);
  }

  @Test
  void signaturesOfTheApiShowNothingOfTheImplementation() {
    List<String> leaks = new ArrayList<>();
    for (JavaClass api : main) {
      if (api.getPackageName().equals(API) && isVisible(api.getModifiers())) {
        api.getRawSuperclass().ifPresent(parent -> leak(leaks, api.getName(), parent));
        api.getInterfaces().forEach(parent -> leak(leaks, api.getName(), parent));
        for (JavaField field : api.getFields()) {
          if (isVisible(field.getModifiers())) {
            leak(leaks, field.getFullName(), field.getType());
          }
        }
        for (JavaCodeUnit code : api.getCodeUnits()) {
          if (isVisible(code.getModifiers())) {
            leak(leaks, code.getFullName(), code.getReturnType());
            code.getParameterTypes().forEach(type -> leak(leaks, code.getFullName(), type));
            code.getThrowsClause()
                .getTypes()
                .forEach(type -> leak(leaks, code.getFullName(), type));
          }
        }
      }
    }
    assertEquals(List.of(), leaks);
  }

  private static boolean isVisible(Set<JavaModifier> modifiers) {
    return modifiers.contains(JavaModifier.PUBLIC) || modifiers.contains(JavaModifier.PROTECTED);
  }

  private static void leak(List<String> leaks, String member, JavaType type) {
    for (JavaClass involved : type.getAllInvolvedRawTypes()) {
      String name = involved.getPackageName() + ".";
      if (name.startsWith(IMPL + ".")
          || name.startsWith("io.netty.")
          || name.startsWith("com.sun.")) {
        leaks.add(member + " shows " + involved.getName());
      }
    }
  }

  @Test
  void thePosixPackageKnowsNothingOfOurs() {
    classes()
        .that()
        .resideInAPackage(POSIX)
        .should()
        .onlyDependOnClassesThat(resideInAPackage(POSIX).or(not(resideInAPackage("io.goagain.."))))
        .check(main);
  }

  @Test
  void theNetPackageKnowsOnlyThePosixOne() {
    classes()
        .that()
        .resideInAPackage(NET)
        .should()
        .onlyDependOnClassesThat(
            resideInAnyPackage(NET, POSIX).or(not(resideInAPackage("io.goagain.."))))
        .check(main);
  }

  @Test
  void theImplementationKnowsNetPosixAndTheApi() {
    classes()
        .that()
        .resideInAPackage(IMPL)
        .should()
        .onlyDependOnClassesThat(
            resideInAnyPackage(IMPL, NET, POSIX, API).or(not(resideInAPackage("io.goagain.."))))
        .check(main);
  }

  @Test
  void theApiReachesTheImplementationOnlyThroughItsFrontPackage() {
    classes()
        .that()
        .resideInAPackage(API)
        .should()
        .onlyDependOnClassesThat(
            resideInAnyPackage(API, IMPL).or(not(resideInAPackage("io.goagain.."))))
        .check(main);
  }

  @Test
  void theCommandLineKnowsOnlyTheApi() {
    classes()
        .that()
        .resideInAPackage(CLI)
        .should()
        .onlyDependOnClassesThat(
            resideInAnyPackage(CLI, API).or(not(resideInAPackage("io.goagain.."))))
        .check(main);
  }

  /** Top-level classes of ours that depend on something in these packages. */
  private static Set<String> usersOf(String... packages) {
    return main.stream()
        .filter(
            user ->
                user.getDirectDependenciesFromSelf().stream()
                    .map(Dependency::getTargetClass)
                    .anyMatch(resideInAnyPackage(packages)))
        .map(user -> user.getName().replaceFirst("\\$.*", ""))
        .collect(toCollection(TreeSet::new));
  }
}
