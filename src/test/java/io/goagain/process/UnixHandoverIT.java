package io.goagain.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.goagain.load.Load;
import io.goagain.load.Report;
import io.goagain.load.Workload;
import io.goagain.process.AppProcess.Generation;
import java.net.SocketAddress;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The path of a Unix socket is there at every instant, and the same file, until the last stop. */
@Timeout(300)
class UnixHandoverIT {
  private static final int RESTARTS = Restarts.rounds(8, 20);

  @Test
  void connectingNeverFails(@TempDir Path directory) throws Exception {
    Path path = directory.resolve("socket");
    try (AppProcess app =
        AppProcess.start(
            "single", "--port", "0", "--unix", path.toString(), "--options", "{\"probation\":0}")) {
      SocketAddress address = app.socketAddress("unix");
      Object inode = inode(path);
      Load load = new Load().add(Workload.connects(address, 2, 200)).start();
      try (load) {
        for (int i = 0; i < RESTARTS; i++) {
          load.awaitRequests(100);
          Generation ignored = Restarts.restart(app);
          assertEquals(inode, inode(path), () -> "another file after " + ignored);
        }
        load.awaitRequests(100);
        Report report = load.stop();
        assertEquals(0, report.failed(), report::toString);
        assertEquals(RESTARTS + 1, report.generations().size(), report::toString);
      }
      long last = app.newest().pid();
      app.signal(last, "TERM");
      Restarts.awaitGone(app, last);
      assertFalse(Files.exists(path, LinkOption.NOFOLLOW_LINKS));
    }
  }

  private static Object inode(Path path) throws Exception {
    return Files.getAttribute(path, "unix:ino", LinkOption.NOFOLLOW_LINKS);
  }
}
