package io.goagain.impl.posix;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class ErrnoTest {

  @Test
  void describesByNameAndText() {
    assertEquals("ENOENT (No such file or directory)", Errno.describe(Errno.ENOENT));
    assertEquals("ENOTSOCK (Socket operation on non-socket)", Errno.describe(Errno.ENOTSOCK));
    assertEquals("EADDRINUSE (Address already in use)", Errno.describe(98));
  }

  @Test
  void unknownNumbersAreGivenAsTheyAre() {
    assertEquals("errno 4711", Errno.describe(4711));
  }

  @Test
  void exceptionNamesTheCall() {
    PosixException e = new PosixException("posix_spawn(/opt/app/bin/java)", Errno.ENOENT);
    assertEquals(
        "posix_spawn(/opt/app/bin/java): ENOENT (No such file or directory)", e.getMessage());
    assertEquals("posix_spawn(/opt/app/bin/java)", e.call());
    assertEquals(Errno.ENOENT, e.errno());
  }
}
