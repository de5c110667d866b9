package io.goagain.cli;

/**
 * The service that is asked.
 *
 * @param path of its control socket, as this process reaches it
 * @param name for sentences
 */
record Service(String path, String name) {

  static Service at(String path) {
    return new Service(path, "the service at " + path);
  }

  static Service ofProcess(long pid, String path) {
    return new Service(path, "process " + pid + " (" + path + ")");
  }
}
