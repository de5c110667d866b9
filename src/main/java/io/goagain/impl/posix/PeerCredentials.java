package io.goagain.impl.posix;

/**
 * Who is at the other end of a Unix socket: SO_PEERCRED, unix(7). The kernel noted it when that
 * process called connect(2), listen(2) or, for both ends, socketpair(2). It stays the same if the
 * process changes its user, has passed its end on, or is gone since.
 *
 * @param pid as seen from this pid namespace; 0 if the process is not visible from here
 * @param uid its effective user, an unsigned number; 65534 if this user namespace has none for it
 * @param gid its effective group, likewise
 */
public record PeerCredentials(int pid, int uid, int gid) {

  private static final int NOBODY_KNOWN = -1;

  /**
   * Asks the kernel. The descriptor stays the caller's.
   *
   * @throws PosixException EBADF; ENOTSOCK; ENOTCONN if this is not one end of a connected Unix
   *     socket. The kernel has an answer for a listening one, too: its own process
   */
  public static PeerCredentials of(int fd) throws PosixException {
    String call = "getsockopt(" + fd + ", SO_PEERCRED)";
    int[] credentials = new int[3]; // struct ucred: pid, uid, gid
    int[] length = {credentials.length * Integer.BYTES};
    if (LibC.getsockopt(fd, LibC.SOL_SOCKET, LibC.SO_PEERCRED, credentials, length) == -1) {
      throw LibC.failed(call);
    }
    if (credentials[1] == NOBODY_KNOWN || SocketFacts.option(fd, "SO_ACCEPTCONN") != 0) {
      throw new PosixException(call, Errno.ENOTCONN);
    }
    return new PeerCredentials(credentials[0], credentials[1], credentials[2]);
  }
}
