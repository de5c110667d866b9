package io.goagain;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Configures a {@link RestartVerticle}. All times are in milliseconds, in JSON too. */
public class RestartOptions {

  /** Default of {@link #setStrategy}. */
  public static final RestartStrategy DEFAULT_STRATEGY = RestartStrategy.AUTO;

  /** Default of {@link #setReadyTimeout}: 60 seconds. */
  public static final long DEFAULT_READY_TIMEOUT = 60_000;

  /** Default of {@link #setDrainTimeout}: 30 seconds. */
  public static final long DEFAULT_DRAIN_TIMEOUT = 30_000;

  /** Default of {@link #setProbation}: 5 seconds. */
  public static final long DEFAULT_PROBATION = 5_000;

  /** Default of {@link #setReadinessTimeout}: 10 seconds. */
  public static final long DEFAULT_READINESS_TIMEOUT = 10_000;

  /** Default of {@link #setSignals}. */
  public static final Set<String> DEFAULT_SIGNALS = Set.of("USR2", "TERM", "INT", "HUP", "USR1");

  /** Default of {@link #setControlSocketMode}: only the user that made it. */
  public static final String DEFAULT_CONTROL_SOCKET_MODE = "0600";

  private RestartStrategy strategy = DEFAULT_STRATEGY;
  private long readyTimeout = DEFAULT_READY_TIMEOUT;
  private long drainTimeout = DEFAULT_DRAIN_TIMEOUT;
  private long probation = DEFAULT_PROBATION;
  private List<String> command;
  private Map<String, String> environment = Map.of();
  private String workingDirectory;
  private Set<String> signals = DEFAULT_SIGNALS;
  private String pidFile;
  private String controlSocket;
  private String controlSocketMode = DEFAULT_CONTROL_SOCKET_MODE;
  private String controlSocketGroup;
  private List<String> controlSocketUsers = List.of();
  private WarmUpOptions warmUp = new WarmUpOptions();
  private ArchiveMode archive = ArchiveMode.AUTO;
  private String archiveDirectory;
  private long readinessTimeout = DEFAULT_READINESS_TIMEOUT;

  /** All defaults. */
  public RestartOptions() {}

  /** A copy. */
  public RestartOptions(RestartOptions other) {
    strategy = other.strategy;
    readyTimeout = other.readyTimeout;
    drainTimeout = other.drainTimeout;
    probation = other.probation;
    command = other.command;
    environment = other.environment;
    workingDirectory = other.workingDirectory;
    signals = other.signals;
    pidFile = other.pidFile;
    controlSocket = other.controlSocket;
    controlSocketMode = other.controlSocketMode;
    controlSocketGroup = other.controlSocketGroup;
    controlSocketUsers = other.controlSocketUsers;
    warmUp = new WarmUpOptions(other.warmUp);
    readinessTimeout = other.readinessTimeout;
    archive = other.archive;
    archiveDirectory = other.archiveDirectory;
  }

  /**
   * From JSON, whose fields have the names of the properties.
   *
   * @throws IllegalArgumentException if a field is unknown or has a value of the wrong type; its
   *     message names the field
   */
  public RestartOptions(JsonObject json) {
    for (Map.Entry<String, Object> field : json) {
      set(field.getKey(), field.getValue());
    }
  }

  private void set(String name, Object value) {
    try {
      switch (name) {
        case "strategy" -> setStrategy(RestartStrategy.of((String) value));
        case "readyTimeout" -> setReadyTimeout(((Number) value).longValue());
        case "drainTimeout" -> setDrainTimeout(((Number) value).longValue());
        case "probation" -> setProbation(((Number) value).longValue());
        case "command" -> setCommand(value == null ? null : strings((JsonArray) value));
        case "environment" -> setEnvironment(stringMap((JsonObject) value));
        case "workingDirectory" -> setWorkingDirectory((String) value);
        case "signals" -> setSignals(new LinkedHashSet<>(strings((JsonArray) value)));
        case "pidFile" -> setPidFile((String) value);
        case "controlSocket" -> setControlSocket((String) value);
        case "controlSocketMode" -> setControlSocketMode((String) value);
        case "controlSocketGroup" -> setControlSocketGroup((String) value);
        case "controlSocketUsers" -> setControlSocketUsers(strings((JsonArray) value));
        case "warmUp" -> setWarmUp(new WarmUpOptions((JsonObject) value));
        case "archive" -> setArchive(ArchiveMode.of((String) value));
        case "archiveDirectory" -> setArchiveDirectory((String) value);
        case "readinessTimeout" -> setReadinessTimeout(((Number) value).longValue());
        default -> throw new IllegalArgumentException("there is no option of that name");
      }
    } catch (ClassCastException | NullPointerException e) {
      throw new IllegalArgumentException(
          "RestartOptions: \"%s\" cannot be %s".formatted(name, value), e);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "RestartOptions: \"%s\": %s".formatted(name, e.getMessage()), e);
    }
  }

  private static List<String> strings(JsonArray array) {
    List<String> strings = new ArrayList<>();
    for (Object element : array) {
      strings.add((String) element);
    }
    return strings;
  }

  private static Map<String, String> stringMap(JsonObject object) {
    Map<String, String> map = new LinkedHashMap<>();
    for (Map.Entry<String, Object> entry : object) {
      map.put(entry.getKey(), (String) entry.getValue());
    }
    return map;
  }

  /** As JSON, without what is null. */
  public JsonObject toJson() {
    JsonObject json =
        new JsonObject()
            .put("strategy", strategy.toString())
            .put("readyTimeout", readyTimeout)
            .put("drainTimeout", drainTimeout)
            .put("probation", probation)
            .put("environment", new JsonObject(new LinkedHashMap<>(environment)))
            .put("signals", new JsonArray(new ArrayList<>(signals)));
    if (command != null) {
      json.put("command", new JsonArray(new ArrayList<>(command)));
    }
    if (workingDirectory != null) {
      json.put("workingDirectory", workingDirectory);
    }
    if (pidFile != null) {
      json.put("pidFile", pidFile);
    }
    json.put("controlSocketMode", controlSocketMode)
        .put("controlSocketUsers", new JsonArray(new ArrayList<>(controlSocketUsers)));
    if (controlSocket != null) {
      json.put("controlSocket", controlSocket);
    }
    if (controlSocketGroup != null) {
      json.put("controlSocketGroup", controlSocketGroup);
    }
    json.put("archive", archive.toString());
    if (archiveDirectory != null) {
      json.put("archiveDirectory", archiveDirectory);
    }
    return json.put("warmUp", warmUp.toJson()).put("readinessTimeout", readinessTimeout);
  }

  /** How the process is replaced. */
  public RestartStrategy getStrategy() {
    return strategy;
  }

  /** Sets how the process is replaced. */
  public RestartOptions setStrategy(RestartStrategy strategy) {
    this.strategy = strategy;
    return this;
  }

  /** How long a successor may take from its spawn to ready, in milliseconds. */
  public long getReadyTimeout() {
    return readyTimeout;
  }

  /**
   * Sets how long a successor may take from its spawn to ready, in milliseconds. One that takes
   * longer is killed, and this process goes on serving.
   */
  public RestartOptions setReadyTimeout(long readyTimeout) {
    this.readyTimeout = positive(readyTimeout);
    return this;
  }

  /** How long connections may take to finish once a successor serves or a stop was asked for. */
  public long getDrainTimeout() {
    return drainTimeout;
  }

  /**
   * Sets how long connections may take to finish once a successor serves or a stop was asked for,
   * in milliseconds. Those that are left then are closed, counted and logged.
   */
  public RestartOptions setDrainTimeout(long drainTimeout) {
    this.drainTimeout = notNegative(drainTimeout);
    return this;
  }

  /** How long a process that has handed over keeps its listeners, in milliseconds. */
  public long getProbation() {
    return probation;
  }

  /**
   * Sets how long a process that has handed over keeps its listeners without accepting, in
   * milliseconds. If the successor dies in that time, it accepts again. 0 switches it off. The
   * process does not exit before, and another restart waits for that.
   */
  public RestartOptions setProbation(long probation) {
    this.probation = notNegative(probation);
    return this;
  }

  private static long notNegative(long millis) {
    if (millis < 0) {
      throw new IllegalArgumentException("must not be negative, is " + millis);
    }
    return millis;
  }

  /** The kernel takes NUL for the end of a string. */
  private static String withoutNul(String text) {
    if (text != null && text.indexOf('\0') >= 0) {
      throw new IllegalArgumentException("must not contain NUL");
    }
    return text;
  }

  private static long positive(long millis) {
    if (millis <= 0) {
      throw new IllegalArgumentException("must be positive, is " + millis);
    }
    return millis;
  }

  /** The command line of the next generation, or null for the one that this process was given. */
  public List<String> getCommand() {
    return command;
  }

  /**
   * Sets the command line of the next generation, program first. A program without a slash is
   * looked for on PATH; a relative one in the working directory. Null, the default: as this process
   * was started.
   */
  public RestartOptions setCommand(List<String> command) {
    if (command != null && (command.isEmpty() || command.get(0).isEmpty())) {
      throw new IllegalArgumentException("must not be empty");
    }
    if (command != null) {
      command.forEach(RestartOptions::withoutNul);
    }
    this.command = command == null ? null : List.copyOf(command);
    return this;
  }

  /** Changes to the environment of the next generation; a null value removes a variable. */
  public Map<String, String> getEnvironment() {
    return environment;
  }

  /**
   * Sets the changes to the environment of the next generation, which otherwise is the one of this
   * process; a null value removes a variable.
   */
  public RestartOptions setEnvironment(Map<String, String> environment) {
    environment.forEach(
        (name, value) -> {
          if (name.isEmpty() || withoutNul(name).contains("=")) {
            throw new IllegalArgumentException("\"" + name + "\" cannot be a variable's name");
          }
          withoutNul(value);
        });
    this.environment = Collections.unmodifiableMap(new LinkedHashMap<>(environment));
    return this;
  }

  /** Where the next generation is started, or null for where this process was. */
  public String getWorkingDirectory() {
    return workingDirectory;
  }

  /**
   * Sets where the next generation is started. Null, the default: where this process was, by the
   * path in {@code $PWD}, so that a symbolic link in it is followed again. A relative one is
   * relative to that.
   */
  public RestartOptions setWorkingDirectory(String workingDirectory) {
    this.workingDirectory = withoutNul(workingDirectory);
    return this;
  }

  /** The signals that are taken, without "SIG". */
  public Set<String> getSignals() {
    return signals;
  }

  /**
   * Sets the signals that are taken, without "SIG": USR2 restarts; TERM and INT drain and stop, a
   * second one stops at once; HUP and USR1 publish {@link RestartMessages#RELOAD} and {@link
   * RestartMessages#REOPEN}. Those that are left out keep the meaning that the JVM gives them.
   */
  public RestartOptions setSignals(Set<String> signals) {
    for (String name : signals) {
      if (!DEFAULT_SIGNALS.contains(name)) {
        throw new IllegalArgumentException(
            "\"%s\" is not among %s".formatted(name, DEFAULT_SIGNALS.stream().sorted().toList()));
      }
    }
    this.signals = Set.copyOf(signals);
    return this;
  }

  /** The file that holds the pid of the newest generation, or null. */
  public String getPidFile() {
    return pidFile;
  }

  /**
   * Sets the file that holds the pid of the newest generation: written, by rename, when that one is
   * ready, and removed at a final stop. Null, the default: none.
   */
  public RestartOptions setPidFile(String pidFile) {
    this.pidFile = pidFile;
    return this;
  }

  /** The path of the control socket, as it was set, or null. */
  public String getControlSocket() {
    return controlSocket;
  }

  /**
   * Sets the path of a Unix socket on which this process answers the control API, and on which a
   * process that nobody spawned asks to take over: see {@link RestartVerticle#takeOver}. {@code
   * ${runtime}}, {@code ${home}}, {@code ${tmp}}, {@code ${user}} and {@code ${NAME}} of the
   * environment are replaced; {@code $$} is a dollar. At most 107 bytes. Null, the default: none.
   */
  public RestartOptions setControlSocket(String controlSocket) {
    if (controlSocket != null && controlSocket.isEmpty()) {
      throw new IllegalArgumentException("must not be empty");
    }
    this.controlSocket = withoutNul(controlSocket);
    return this;
  }

  /** The mode of the control socket's file. */
  public String getControlSocketMode() {
    return controlSocketMode;
  }

  /**
   * Sets the mode of the control socket's file, in octal, as for chmod(1). Whoever can open it is
   * asked for its credentials all the same: see {@link #setControlSocketUsers}. The process that
   * makes the file decides; generations that inherit the socket leave it as it is.
   */
  public RestartOptions setControlSocketMode(String controlSocketMode) {
    if (!controlSocketMode.matches("0?[0-7]{3}")) {
      throw new IllegalArgumentException(
          "must be an octal mode such as 0660, is " + controlSocketMode);
    }
    this.controlSocketMode = controlSocketMode;
    return this;
  }

  /** The group of the control socket's file, or null for that of this process. */
  public String getControlSocketGroup() {
    return controlSocketGroup;
  }

  /** Sets the group of the control socket's file, by name or number. */
  public RestartOptions setControlSocketGroup(String controlSocketGroup) {
    this.controlSocketGroup = withoutNul(controlSocketGroup);
    return this;
  }

  /** The users besides root and that of this process who may use the control socket. */
  public List<String> getControlSocketUsers() {
    return controlSocketUsers;
  }

  /**
   * Sets the users, by name or number, who may use the control socket besides root and the user of
   * this process. What counts is the kernel's word (SO_PEERCRED, unix(7)). They may restart and
   * stop this process, and take its listeners over.
   */
  public RestartOptions setControlSocketUsers(List<String> controlSocketUsers) {
    controlSocketUsers.forEach(RestartOptions::withoutNul);
    this.controlSocketUsers = List.copyOf(controlSocketUsers);
    return this;
  }

  /** How this process exercises itself before it says ready to a predecessor. */
  public WarmUpOptions getWarmUp() {
    return warmUp;
  }

  /**
   * Sets how this process exercises itself before it says ready to a predecessor. The default has
   * no requests, so that only what {@link RestartVerticle#warmUp(String, WarmUp)} was given is run.
   */
  public RestartOptions setWarmUp(WarmUpOptions warmUp) {
    this.warmUp = new WarmUpOptions(warmUp);
    return this;
  }

  /** How long a readiness check may go on failing before the restart fails, in milliseconds. */
  public long getReadinessTimeout() {
    return readinessTimeout;
  }

  /**
   * Sets how long a readiness check of {@link RestartVerticle#readiness} may go on failing before
   * the restart fails, in milliseconds. 0: each is asked once.
   */
  public RestartOptions setReadinessTimeout(long readinessTimeout) {
    this.readinessTimeout = notNegative(readinessTimeout);
    return this;
  }

  /** Whether archives are kept. */
  public ArchiveMode getArchive() {
    return archive;
  }

  /**
   * Sets whether class-data archives are kept, from which the next generations start faster. This
   * process makes one once it has served for a while, in a child that gets only the processor time
   * that nobody else wants. Flags of the JVM that choose an archive, an agent or a log file switch
   * it off.
   */
  public RestartOptions setArchive(ArchiveMode archive) {
    this.archive = archive;
    return this;
  }

  /** Where archives are kept, or null. */
  public String getArchiveDirectory() {
    return archiveDirectory;
  }

  /**
   * Sets where archives are kept: a directory that nobody but this user can write to, as what is in
   * an archive is executed; it is made if it is not there. A relative one begins at the working
   * directory. At most two archives a program are kept, of some 30 MB each. Null, the default:
   * {@code goagain} in {@code $CACHE_DIRECTORY}, which systemd sets, else in {@code
   * $XDG_CACHE_HOME}, else in {@code ~/.cache}, if that exists and can be written to.
   */
  public RestartOptions setArchiveDirectory(String archiveDirectory) {
    if (archiveDirectory != null && archiveDirectory.isEmpty()) {
      throw new IllegalArgumentException("must not be empty");
    }
    this.archiveDirectory = withoutNul(archiveDirectory);
    return this;
  }
}
