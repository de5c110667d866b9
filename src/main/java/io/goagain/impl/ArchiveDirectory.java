package io.goagain.impl;

import io.goagain.RestartOptions;
import io.goagain.impl.posix.Users;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.Set;

/** Where the archives of a user's programs are. */
final class ArchiveDirectory {

  private static final String NAME = "goagain";
  private static final Set<PosixFilePermission> OURS = PosixFilePermissions.fromString("rwx------");

  private ArchiveDirectory() {}

  /**
   * The one that the options name, else one in the cache that the environment offers: systemd's
   * (CacheDirectory= in systemd.exec(5)), else that of the XDG Base Directory Specification.
   *
   * @return null if there is none
   * @throws IOException if one is named, and cannot be used; the message is a sentence
   */
  static Path find(RestartOptions options, Launch launch) throws IOException {
    if (options.getArchiveDirectory() != null) {
      return usable(Path.of(launch.workingDirectory()).resolve(options.getArchiveDirectory()));
    }
    Path cache = cache(launch.environment());
    if (cache == null || !Files.isWritable(cache)) {
      return null;
    }
    try {
      return usable(cache.resolve(NAME));
    } catch (IOException e) {
      return null; // nobody has asked for it
    }
  }

  private static Path cache(Map<String, String> environment) {
    String systemd = environment.getOrDefault("CACHE_DIRECTORY", "").split(":", 2)[0];
    if (!systemd.isEmpty()) {
      return Path.of(systemd);
    }
    String user = environment.getOrDefault("XDG_CACHE_HOME", "");
    if (!user.isEmpty()) {
      return Path.of(user);
    }
    String home = environment.getOrDefault("HOME", "");
    return home.isEmpty() ? null : Path.of(home, ".cache");
  }

  private static Path usable(Path directory) throws IOException {
    if (!Files.exists(directory)) {
      Files.createDirectories(directory, PosixFilePermissions.asFileAttribute(OURS));
    }
    // What is in an archive is executed.
    Path real = directory.toRealPath();
    int owner = (int) Files.getAttribute(real, "unix:uid", LinkOption.NOFOLLOW_LINKS);
    Set<PosixFilePermission> mode = Files.getPosixFilePermissions(real);
    if (owner != Users.effectiveUser()
        || mode.contains(PosixFilePermission.GROUP_WRITE)
        || mode.contains(PosixFilePermission.OTHERS_WRITE)) {
      throw new IOException(
          "The archive directory %s can be written by others (owner %d, mode %s): give it to this user alone, or name another one."
              .formatted(real, owner, PosixFilePermissions.toString(mode)));
    }
    if (!Files.isDirectory(real) || !Files.isWritable(real)) {
      throw new IOException(
          "The archive directory %s is no directory that this process can write to."
              .formatted(real));
    }
    return real;
  }
}
