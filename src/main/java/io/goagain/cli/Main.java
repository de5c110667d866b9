package io.goagain.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.logging.LogManager;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The command line: asks a running service over its control socket, and says what came of it. */
@Command(
    name = Main.NAME,
    description = "Restarts, stops and shows a service that runs with GoAgain for Vert.x.",
    subcommands = {
      RestartCommand.class,
      StatusCommand.class,
      HistoryCommand.class,
      StopCommand.class,
      WatchCommand.class
    },
    mixinStandardHelpOptions = true,
    scope = ScopeType.INHERIT,
    versionProvider = Main.Version.class,
    exitCodeListHeading = "Exit codes:%n",
    exitCodeList = {
      "0:What was asked for succeeded.",
      "1:It failed; the reason is on stderr.",
      "2:The command line is wrong.",
      "3:The service cannot be reached, or may not be asked by this user."
    })
public final class Main implements Runnable {

  static final String NAME = "vertx-goagain";

  @Spec private CommandSpec spec;

  /** Whether somebody looks at stderr. */
  private final boolean watched;

  private Main(boolean watched) {
    this.watched = watched;
  }

  /** Runs a command and ends the JVM with its exit code. */
  public static void main(String[] args) {
    // What matters is in the answer. Loggers of Vert.x and Netty would stand between the lines.
    LogManager.getLogManager().reset();
    System.exit(run(args, System.out, System.err, stderrIsTerminal()));
  }

  /** Runs a command and returns its exit code. Stderr is taken for no terminal. */
  static int run(String[] args, PrintStream out, PrintStream err) {
    return run(args, out, err, false);
  }

  private static int run(String[] args, PrintStream out, PrintStream err, boolean watched) {
    return new CommandLine(new Main(watched))
        .setOut(writer(out))
        .setErr(writer(err))
        .setColorScheme(Help.defaultColorScheme(Help.Ansi.OFF))
        // An argument of a command may begin with @.
        .setExpandAtFiles(false)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setParameterExceptionHandler((e, unparsed) -> usage(e))
        .setExecutionExceptionHandler((e, command, parsed) -> internal(e, command))
        .execute(args);
  }

  private static PrintWriter writer(PrintStream stream) {
    return new PrintWriter(stream, true, StandardCharsets.UTF_8);
  }

  private static int usage(ParameterException e) {
    String name = e.getCommandLine().getCommandSpec().qualifiedName();
    PrintWriter err = e.getCommandLine().getErr();
    err.println(name + ": " + Text.oneLine(e.getMessage().replaceFirst("^Error: ", "")));
    CommandLine.UnmatchedArgumentException.printSuggestions(e, err);
    err.println("Try '" + name + " --help'.");
    return CliException.USAGE;
  }

  private static int internal(Exception e, CommandLine command) {
    command.getErr().println(command.getCommandSpec().qualifiedName() + ": internal error: " + e);
    return CliException.FAILED;
  }

  /** System.console() would look at stdin and stdout; the progress goes to stderr. */
  private static boolean stderrIsTerminal() {
    try {
      String target = Files.readSymbolicLink(Path.of("/proc/self/fd/2")).toString();
      return target.startsWith("/dev/pts/")
          || target.startsWith("/dev/tty")
          || target.equals("/dev/console");
    } catch (IOException e) {
      return false;
    }
  }

  boolean watched() {
    return watched;
  }

  @Override
  public void run() {
    throw new ParameterException(
        spec.commandLine(), "a command is missing: one of " + spec.subcommands().keySet());
  }

  /** The version in the manifest of the jar. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = Main.class.getPackage().getImplementationVersion();
      return new String[] {NAME + " " + (version == null ? "(unpackaged)" : version)};
    }
  }
}
