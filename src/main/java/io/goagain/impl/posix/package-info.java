/**
 * The operating system: Linux's libc under its own names, and nothing that knows of restarts. The
 * only user of JNA. Every failure is a {@link io.goagain.impl.posix.PosixException} that names the
 * call, its arguments and errno.
 *
 * <p>All functions may be called from any thread; those that block say so. Strings cross as UTF-8.
 * Where libc cannot be reached (not Linux, or JNA cannot unpack its library), the first call throws
 * a {@link java.lang.LinkageError}.
 */
package io.goagain.impl.posix;
