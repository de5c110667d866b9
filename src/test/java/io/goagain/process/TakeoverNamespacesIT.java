package io.goagain.process;

import static io.goagain.process.Takeovers.assertAllKept;
import static io.goagain.process.Takeovers.assertExit;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.goagain.load.Load;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Between containers, as far as the kernel knows of them: process 1 of its own pid namespace, with
 * a root directory of its own that has nothing in common with other ones but the directory of the
 * control socket, which is somewhere else in it.
 */
@Timeout(300)
class TakeoverNamespacesIT {
  private static final String INSIDE = "/run/app/control.sock";

  @BeforeAll
  static void findNamespaces() throws Exception {
    Supervised.assumeInstalled("util-linux", "unshare", "mount");
    Process tried =
        new ProcessBuilder(
                "unshare", "--pid", "--mount", "--fork", "mount", "-t", "tmpfs", "x", "/mnt")
            .redirectErrorStream(true)
            .start();
    String said = new String(tried.getInputStream().readAllBytes(), UTF_8);
    assumeTrue(tried.waitFor() == 0, () -> "no namespaces, which need root: " + said);
  }

  /** What is started next runs in a container of its own. */
  private static void inside(Takeovers takeovers, String name) throws Exception {
    Path root = Files.createDirectory(takeovers.directory().resolve(name));
    Path script =
        SingleApp.script(
            takeovers.directory().resolve(name + ".sh"),
            "set -e",
            "root=$1 java=$2 jar=$3 shared=$4 tmp=$5; shift 5",
            // Of this mount namespace only: outside the directory stays empty.
            "mount -t tmpfs root $root",
            "for name in bin sbin lib lib64 usr etc dev; do",
            "  if [ -L /$name ]; then cp -P /$name $root/$name",
            "  elif [ -d /$name ]; then mkdir $root/$name; mount --rbind /$name $root/$name; fi",
            "done",
            "if [ ! -d $root$java ]; then mkdir -p $root$java; mount --bind $java $root$java; fi",
            "mkdir -p $root/proc $root/run/app $root/app $root$tmp",
            "cp $jar $root/app/app.jar",
            "mount -t proc proc $root/proc",
            "mount --bind $shared $root/run/app",
            "exec chroot $root \"$@\"");
    takeovers
        .wrapper(
            "unshare",
            "--pid",
            "--mount",
            "--fork",
            "--kill-child",
            script.toString(),
            root.toString(),
            System.getProperty("java.home"),
            AppProcess.examples().toString(),
            takeovers.directory().toString(),
            takeovers.directory().resolve("tmp").toString())
        .jar(Path.of("/app/app.jar"))
        .argument("control-socket", INSIDE);
  }

  private static void outside(Takeovers takeovers) {
    takeovers
        .wrapper()
        .jar(AppProcess.examples())
        .argument("control-socket", takeovers.path().toString());
  }

  /** The number out here of process 1 in there. */
  private static long pid(AppProcess container) throws Exception {
    Set<Long> children = Supervised.children(container.pid());
    assertEquals(1, children.size(), children::toString);
    return children.iterator().next();
  }

  @Test
  void aContainerTakesOverAndIsTakenOverFrom() throws Exception {
    try (Takeovers takeovers = Takeovers.single()) {
      AppProcess first = takeovers.start(1);
      Load load = takeovers.load();
      inside(takeovers, "container");
      AppProcess container = takeovers.takeOver(first, 2);
      assertEquals(1, container.awaitReady(2).pid());
      takeovers.awaitServing(1, 2);
      long pid = pid(container);
      Path root = Path.of("/proc", Long.toString(pid), "root");
      assertTrue(Files.notExists(Path.of(root.toString(), AppProcess.examples().toString())));

      // It is process 1, and so it has to be the same one after a restart.
      container.signal(pid, "USR2");
      assertEquals(1, container.awaitReady(4).pid());
      takeovers.awaitServing(1, 4);
      assertEquals(pid, pid(container));

      outside(takeovers);
      AppProcess last = takeovers.takeOver(container, 5);
      takeovers.awaitServing(last.pid(), 5);
      assertAllKept(load, 1, 2, 3, 4, 5);
      takeovers.assertGoesOn(last, 5);
    }
  }

  /** Both have the same pid, each in its namespace. */
  @Test
  void aContainerReplacesAnother() throws Exception {
    try (Takeovers takeovers = Takeovers.single()) {
      inside(takeovers, "blue");
      AppProcess blue = takeovers.start(1);
      Load load = takeovers.load();
      inside(takeovers, "green");
      AppProcess green = takeovers.takeOver(blue, 2);
      takeovers.awaitServing(1, 2);
      assertAllKept(load, 1, 2);
      green.signal(pid(green), "TERM");
      assertExit(green, 0);
      assertTrue(Files.notExists(takeovers.path()));
    }
  }
}
