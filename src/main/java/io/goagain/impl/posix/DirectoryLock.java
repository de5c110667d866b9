package io.goagain.impl.posix;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;

/**
 * An exclusive lock on a directory: flock(2). It excludes only those who ask for it, threads of one
 * process among them, and ends with the process. Whoever may read the directory can hold it.
 */
public final class DirectoryLock implements AutoCloseable {

  private static final long POLL_MILLIS = 10;

  private final int fd;

  private DirectoryLock(int fd) {
    this.fd = fd;
  }

  /**
   * Takes the lock; blocks as long as somebody has it.
   *
   * @param patience how long at most
   * @throws PosixException ENOENT; ENOTDIR; EACCES if the directory may not be read; EMFILE
   * @throws IOException if somebody else still has it then, or this thread is interrupted
   */
  public static DirectoryLock acquire(String directory, Duration patience) throws IOException {
    // The dot stands for O_DIRECTORY, whose number depends on the machine.
    int fd = LibC.open(LibC.bytes(directory + "/."), LibC.O_CLOEXEC, 0);
    if (fd == -1) {
      throw LibC.failed("open(" + directory + ")");
    }
    DirectoryLock lock = new DirectoryLock(fd);
    try {
      lock.poll(directory, patience);
      return lock;
    } catch (IOException e) {
      lock.close();
      throw e;
    }
  }

  private void poll(String directory, Duration patience) throws IOException {
    // Not the flock that waits: nothing but a signal to its thread would end it.
    long start = System.nanoTime();
    while (LibC.flock(fd, LibC.LOCK_EX | LibC.LOCK_NB) == -1) {
      PosixException failure = LibC.failed("flock(" + directory + ")");
      if (failure.errno() != Errno.EAGAIN) {
        throw failure;
      }
      if (System.nanoTime() - start >= patience.toNanos()) {
        throw new IOException(
            "the directory %s is still locked after %d ms: \"fuser -v %s\" shows who has it open"
                .formatted(directory, patience.toMillis(), directory),
            failure);
      }
      try {
        Thread.sleep(POLL_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new InterruptedIOException("interrupted while waiting for the lock of " + directory);
      }
    }
  }

  /** Releases the lock at once, even if a child that is being started still has the number. */
  @Override
  public void close() {
    LibC.flock(fd, LibC.LOCK_UN);
    LibC.close(fd);
  }
}
