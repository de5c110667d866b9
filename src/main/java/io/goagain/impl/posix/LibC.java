package io.goagain.impl.posix;

import com.sun.jna.Function;
import com.sun.jna.LastErrorException;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Platform;
import com.sun.jna.Pointer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * libc, with C names and C return values. Constants are those of Linux on x86-64 and aarch64, which
 * agree in all that is used here (asm-generic); {@code long} is taken to be C's.
 *
 * <p>Variadic functions are declared with the arguments we pass: both ABIs pass integers to them
 * just as to others.
 */
final class LibC {

  // fcntl.h
  static final int PRIO_PROCESS = 0;
  static final int F_GETFD = 1;
  static final int F_SETFD = 2;
  static final int F_GETFL = 3;
  static final int F_SETFL = 4;
  static final int F_DUPFD_CLOEXEC = 1030;
  static final int FD_CLOEXEC = 1;
  static final int O_NONBLOCK = 0x800;
  static final int O_CLOEXEC = 0x80000;
  static final int O_PATH = 0x200000;
  static final int AT_FDCWD = -100;
  static final int AT_EACCESS = 0x200;
  static final int AT_SYMLINK_NOFOLLOW = 0x100;

  // unistd.h
  static final int X_OK = 1;

  // sys/file.h
  static final int LOCK_EX = 2;
  static final int LOCK_NB = 4;
  static final int LOCK_UN = 8;

  // linux/close_range.h, asm/unistd.h
  static final long SYS_close_range = 436;
  static final long CLOSE_RANGE_CLOEXEC = 4;

  // linux/memfd.h, asm/unistd.h
  static final long SYS_memfd_create = Platform.isARM() ? 279 : 319;
  static final long MFD_CLOEXEC = 1;
  static final long UINT_MAX = 0xffff_ffffL;

  // bits/sigaction.h, bits/signum-generic.h; struct sigaction begins with the handler
  static final int SIG_UNBLOCK = 1;
  static final int SIG_SETMASK = 2;
  static final long SIG_DFL = 0;
  static final long SIG_IGN = 1;
  static final int LAST_SIGNAL = 64;

  // bits/waitflags.h
  static final int WNOHANG = 1;

  // sys/socket.h, bits/socket_type.h
  static final int AF_UNIX = 1;
  static final int AF_INET = 2;
  static final int AF_INET6 = 10;
  static final int SOCK_STREAM = 1;
  static final int SOCK_DGRAM = 2;
  static final int SOCK_NONBLOCK = 0x800;
  static final int SOCK_CLOEXEC = 0x80000;

  static final int SCM_RIGHTS = 1;
  static final int MSG_NOSIGNAL = 0x4000;
  static final int MSG_CMSG_CLOEXEC = 0x40000000;

  // asm-generic/socket.h
  static final int SOL_SOCKET = 1;
  static final int SO_TYPE = 3;
  static final int SO_PEERCRED = 17;
  static final int SO_SNDTIMEO = 21;
  static final int SO_ACCEPTCONN = 30;
  static final int SO_DOMAIN = 39;
  static final int SO_COOKIE = 57;

  // bits/time.h
  static final int CLOCK_MONOTONIC = 1;

  // spawn.h
  static final short POSIX_SPAWN_SETSIGDEF = 0x04;
  static final short POSIX_SPAWN_SETSIGMASK = 0x08;

  // Upper bounds of structures that only libc looks into: 80, 336, 128 and 152 bytes in glibc and
  // musl.
  static final int SIZEOF_POSIX_SPAWN_FILE_ACTIONS = 256;
  static final int SIZEOF_POSIX_SPAWNATTR = 512;
  static final int SIZEOF_SIGSET = 128;
  static final int SIZEOF_SIGACTION = 256;

  // dirent.h: d_name follows d_ino, d_off (8 bytes each), d_reclen (2) and d_type (1).
  static final int OFFSETOF_D_NAME = 19;

  // pwd.h, grp.h: pw_uid and gr_gid follow two pointers, to the name and to the password.
  static final int OFFSETOF_PW_UID = 16;
  static final int OFFSETOF_GR_GID = 16;

  static {
    LibraryPath.inherit();
  }

  private static final NativeLibrary LIBRARY = load();
  private static final Function ADDCHDIR = find("posix_spawn_file_actions_addchdir_np");
  private static final Function ADDCLOSEFROM = find("posix_spawn_file_actions_addclosefrom_np");

  static {
    Native.register(LibC.class, LIBRARY);
  }

  private LibC() {}

  static native int fcntl(int fd, int command, int argument);

  static native int close(int fd);

  static native int open(byte[] path, int flags, int mode);

  static native int access(byte[] path, int mode);

  static native int faccessat(int directory, byte[] path, int mode, int flags);

  static native int flock(int fd, int operation);

  static native int fchmod(int fd, int mode);

  static native int chmod(byte[] path, int mode);

  static native int fchownat(int directory, byte[] path, int user, int group, int flags);

  static native int chdir(byte[] path);

  static native int fchdir(int fd);

  static native int execve(byte[] path, Pointer argv, Pointer envp);

  static native long syscall(long number, long first, long second, long third);

  static native int socketpair(int domain, int type, int protocol, int[] fds);

  static native int socket(int domain, int type, int protocol);

  static native int bind(int fd, byte[] address, int length);

  static native int listen(int fd, int backlog);

  static native int connect(int fd, byte[] address, int length);

  static native int getsockopt(int fd, int level, int name, int[] value, int[] length);

  static native int setsockopt(int fd, int level, int name, long[] value, int length);

  static native int getsockname(int fd, byte[] address, int[] length);

  static native long sendmsg(int fd, Pointer message, int flags);

  static native long recvmsg(int fd, Pointer message, int flags);

  static native int clock_gettime(int clock, long[] time);

  static native Pointer opendir(byte[] path);

  static native int dirfd(Pointer directory);

  /** Throws, as null with errno 0 means the end, and only this mapping clears errno before. */
  static native Pointer readdir(Pointer directory) throws LastErrorException;

  static native int closedir(Pointer directory);

  static native int getpid();

  static native int getppid();

  static native int geteuid();

  /** In memory that the next call overwrites. */
  static native Pointer getpwnam(byte[] name);

  /** In memory that the next call overwrites. */
  static native Pointer getgrnam(byte[] name);

  static native int kill(int pid, int signal);

  static native int setpriority(int which, int who, int value);

  static native int waitpid(int pid, int[] status, int options);

  static native int sigemptyset(Pointer set);

  static native int sigaddset(Pointer set, int signal);

  /** Returns the error number. */
  static native int pthread_sigmask(int how, Pointer set, Pointer old);

  static native int sigaction(int signal, Pointer action, Pointer old);

  static native int sigfillset(Pointer set);

  static native int sigdelset(Pointer set, int signal);

  // The posix_spawn family returns its error and leaves errno alone.

  static native int posix_spawn(
      int[] pid, byte[] path, Pointer actions, Pointer attributes, Pointer argv, Pointer envp);

  static native int posix_spawn_file_actions_init(Pointer actions);

  static native int posix_spawn_file_actions_destroy(Pointer actions);

  static native int posix_spawn_file_actions_adddup2(Pointer actions, int fd, int target);

  static native int posix_spawnattr_init(Pointer attributes);

  static native int posix_spawnattr_destroy(Pointer attributes);

  static native int posix_spawnattr_setflags(Pointer attributes, short flags);

  static native int posix_spawnattr_setsigmask(Pointer attributes, Pointer set);

  static native int posix_spawnattr_setsigdefault(Pointer attributes, Pointer set);

  /** glibc 2.29, musl 1.1.24. */
  static boolean hasAddchdir() {
    return ADDCHDIR != null;
  }

  static int posix_spawn_file_actions_addchdir_np(Pointer actions, byte[] path) {
    return ADDCHDIR.invokeInt(new Object[] {actions, path});
  }

  /** glibc 2.34; not in musl. */
  static boolean hasAddclosefrom() {
    return ADDCLOSEFROM != null;
  }

  static int posix_spawn_file_actions_addclosefrom_np(Pointer actions, int from) {
    return ADDCLOSEFROM.invokeInt(new Object[] {actions, from});
  }

  /**
   * The exception for a call that has just failed on this thread. JNA keeps errno a thread, as it
   * was when the call returned, so whatever the JVM does in between does not touch it.
   */
  static PosixException failed(String call) {
    return new PosixException(call, Native.getLastError());
  }

  /** A C string. */
  static byte[] bytes(String string) {
    byte[] utf8 = string.getBytes(StandardCharsets.UTF_8);
    return Arrays.copyOf(utf8, utf8.length + 1);
  }

  /** A null-terminated array of C strings, and the strings behind it, in one piece of memory. */
  static Memory strings(List<String> strings) {
    List<byte[]> contents = strings.stream().map(LibC::bytes).toList();
    long offset = (strings.size() + 1L) * Native.POINTER_SIZE;
    Memory memory = new Memory(offset + contents.stream().mapToLong(c -> c.length).sum());
    for (int i = 0; i < contents.size(); i++) {
      byte[] content = contents.get(i);
      memory.write(offset, content, 0, content.length);
      memory.setPointer((long) i * Native.POINTER_SIZE, memory.share(offset));
      offset += content.length;
    }
    memory.setPointer((long) contents.size() * Native.POINTER_SIZE, null);
    return memory;
  }

  private static NativeLibrary load() {
    if (!Platform.isLinux() || !Platform.is64Bit()) {
      throw new UnsatisfiedLinkError("64-bit Linux is needed, this is " + Platform.RESOURCE_PREFIX);
    }
    return NativeLibrary.getProcess(); // the JVM is linked with it, whatever its file is called
  }

  private static Function find(String name) {
    try {
      return LIBRARY.getFunction(name);
    } catch (UnsatisfiedLinkError e) {
      return null;
    }
  }
}
