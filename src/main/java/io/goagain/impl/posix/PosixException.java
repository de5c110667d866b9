package io.goagain.impl.posix;

import java.io.IOException;

/**
 * A failed call to the operating system: {@code posix_spawn(/opt/app/bin/java): ENOENT (No such
 * file or directory)}.
 */
public final class PosixException extends IOException {

  private static final long serialVersionUID = 1L;

  private final String call;
  private final int errno;

  /**
   * @param call the call with those of its arguments that tell a person what went wrong
   * @param errno one of {@link Errno}
   */
  public PosixException(String call, int errno) {
    super(call + ": " + Errno.describe(errno));
    this.call = call;
    this.errno = errno;
  }

  public int errno() {
    return errno;
  }

  public String call() {
    return call;
  }
}
