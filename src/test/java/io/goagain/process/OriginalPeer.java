package io.goagain.process;

import static java.nio.charset.StandardCharsets.US_ASCII;

import com.sun.jna.Library;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import io.goagain.impl.posix.Descriptors;
import io.goagain.impl.posix.Exec;
import io.goagain.impl.posix.Processes;
import io.goagain.impl.posix.Spawn;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.QueryStringDecoder;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * What {@code src/test/go/peer/main.go} is, for machines without Go: the same arguments, variables,
 * signals and answers. It runs in processes under test.
 */
public final class OriginalPeer {
  private static final int GENERATION = 100;
  private static final long DRAIN_SECONDS = 5;
  private static final int MAX_BODY = 1 << 20;

  private static final List<Integer> SIGNALS =
      List.of(Processes.INT, Processes.QUIT, Processes.TERM, Processes.USR2);

  /**
   * Java gives SIGQUIT to nobody, but with -Xrs leaves these alone. Where the process begins with
   * all of them blocked, so does each of its threads, and one can wait for them: sigwait(3).
   */
  private interface LibC extends Library {
    LibC INSTANCE = Native.load("c", LibC.class);
    int SIZEOF_SIGSET = 128;

    int sigemptyset(Memory set);

    int sigaddset(Memory set, int signal);

    int sigwait(Memory set, int[] signal);
  }

  private final boolean twice;
  private final InetSocketAddress address;
  private final List<String> command;
  private final Map<String, String> environment = new TreeMap<>(System.getenv());
  private final EventLoopGroup loop =
      new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
  private final ChannelGroup connections = new DefaultChannelGroup(loop.next());
  private EpollServerSocketChannel listener;

  // Confined to the loop.
  private boolean leaving;

  private OriginalPeer(boolean twice, InetSocketAddress address, List<String> command) {
    this.twice = twice;
    this.address = address;
    this.command = command;
  }

  /** What makes a command of a JVM one that this class can be run with. */
  static List<String> prefix() {
    return List.of("env", "--block-signal=INT,QUIT,TERM,USR2");
  }

  /** The strategy, where to listen, and what to run next; this program again if nothing is said. */
  public static void main(String[] args) throws Exception {
    List<String> next = new ArrayList<>(Arrays.asList(args).subList(2, args.length));
    if (next.isEmpty()) {
      next.addAll(prefix());
      next.addAll(SingleApp.strings(Processes.pid(), "cmdline"));
    }
    int colon = args[1].lastIndexOf(':');
    InetSocketAddress address =
        new InetSocketAddress(
            args[1].substring(0, colon), Integer.parseInt(args[1].substring(colon + 1)));
    new OriginalPeer(args[0].equals("double"), address, next).run();
    say("has drained");
    System.exit(0);
  }

  private void run() throws Exception {
    int inherited = number("GOAGAIN_FD", -1);
    ServerBootstrap bootstrap =
        new ServerBootstrap()
            .group(loop)
            .channelFactory(
                () ->
                    inherited < 0
                        ? new EpollServerSocketChannel()
                        : new EpollServerSocketChannel(inherited))
            .childHandler(new Connection());
    if (environment.containsKey("PEER_DIES")) {
      say("dies before it serves");
      Runtime.getRuntime().halt(3);
    }
    if (inherited < 0) {
      listener = (EpollServerSocketChannel) bootstrap.bind(address).sync().channel();
    } else {
      Descriptors.setNonBlocking(inherited);
      listener = (EpollServerSocketChannel) bootstrap.register().sync().channel();
      kill();
    }
    InetSocketAddress local = listener.localAddress();
    print("listening public " + string(local));
    print("ready generation=" + GENERATION + " pid=" + Processes.pid());

    if (await() == Processes.USR2) {
      drain();
      exec();
    }
    drain();
  }

  private int number(String variable, int otherwise) {
    String value = environment.getOrDefault(variable, "");
    return value.isEmpty() ? otherwise : Integer.parseInt(value);
  }

  /** The child that an earlier image of this process has started is told, or else the parent. */
  private void kill() throws IOException {
    int pid = number("GOAGAIN_PID", number("GOAGAIN_PPID", -1));
    int signal = number("GOAGAIN_SIGNAL", Processes.QUIT);
    if (signal == Processes.QUIT && twice) {
      Thread reaper = new Thread(() -> reap(pid), "reaper");
      reaper.setDaemon(true);
      reaper.start();
    }
    say("sends signal " + signal + " to process " + pid);
    Processes.kill(pid, signal);
  }

  private static void reap(int pid) {
    try {
      Processes.Exit unused = Processes.waitFor(pid);
    } catch (IOException e) {
      say("does not reap: " + e.getMessage());
    }
  }

  /** Restarts with the first SIGUSR2, and returns what ends this program. */
  private int await() throws IOException {
    Memory set = new Memory(LibC.SIZEOF_SIGSET);
    int unused = LibC.INSTANCE.sigemptyset(set);
    for (int signal : SIGNALS) {
      unused = LibC.INSTANCE.sigaddset(set, signal);
    }
    boolean forked = false;
    int[] received = new int[1];
    while (true) {
      unused = LibC.INSTANCE.sigwait(set, received);
      int signal = received[0];
      say("got signal " + signal);
      if (signal != Processes.USR2 || forked) {
        return signal;
      }
      forked = true;
      fork();
    }
  }

  private void fork() throws IOException {
    environment.put("GOAGAIN_PID", "");
    environment.put("GOAGAIN_PPID", Integer.toString(Processes.pid()));
    int pid = Spawn.spawn(command(3, twice ? Processes.USR2 : Processes.QUIT));
    say("spawned process " + pid);
    environment.put("GOAGAIN_PID", Integer.toString(pid));
  }

  private void exec() throws IOException {
    say("executes " + command.get(0));
    Exec.execve(command(listener.fd().intValue(), Processes.QUIT), Set.of());
  }

  private Spawn.Command command(int number, int signal) {
    environment.put("GOAGAIN_FD", Integer.toString(number));
    environment.put("GOAGAIN_NAME", "tcp:" + string(listener.localAddress()) + "->");
    environment.put("GOAGAIN_SIGNAL", Integer.toString(signal));
    List<String> variables =
        environment.entrySet().stream().map(e -> e.getKey() + "=" + e.getValue()).toList();
    return new Spawn.Command(
        locate(command.get(0)), command, variables, null, List.of(listener.fd().intValue()));
  }

  private static String locate(String program) {
    return program.contains("/")
        ? program
        : Arrays.stream(System.getenv("PATH").split(":"))
            .map(place -> Path.of(place, program))
            .filter(Files::isExecutable)
            .findFirst()
            .orElseThrow()
            .toString();
  }

  private static String string(InetSocketAddress address) {
    return address.getAddress().getHostAddress() + ":" + address.getPort();
  }

  /** Stops accepting, and returns when the last connection is closed. */
  private void drain() throws InterruptedException {
    loop.submit(
            () -> {
              leaving = true;
              listener.config().setAutoRead(false);
            })
        .sync();
    if (!connections.newCloseFuture().await(DRAIN_SECONDS, TimeUnit.SECONDS)) {
      say("cuts " + connections.size() + " connections");
    }
  }

  private static void say(String what) {
    print("peer " + Processes.pid() + " " + what);
  }

  /** At once, as others print to the same pipe. */
  private static void print(String line) {
    System.out.print(line + "\n");
  }

  /** The handlers of one. */
  private final class Connection extends ChannelInitializer<Channel> {
    @Override
    protected void initChannel(Channel channel) {
      connections.add(channel);
      channel
          .pipeline()
          .addLast(new HttpServerCodec(), new HttpObjectAggregator(MAX_BODY), new Answers());
    }
  }

  private final class Answers extends SimpleChannelInboundHandler<FullHttpRequest> {
    @Override
    protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
      QueryStringDecoder uri = new QueryStringDecoder(request.uri());
      boolean keepAlive = HttpUtil.isKeepAlive(request);
      switch (uri.path()) {
        case "/echo" -> answer(context, keepAlive, request.content().retain());
        case "/slow" -> {
          String millis = uri.parameters().get("millis").get(0);
          context
              .executor()
              .schedule(
                  () -> answer(context, keepAlive, text("slow " + millis + "\n")),
                  Long.parseLong(millis),
                  TimeUnit.MILLISECONDS);
        }
        default ->
            answer(
                context,
                keepAlive,
                text("hello generation=%d pid=%d\n".formatted(GENERATION, Processes.pid())));
      }
    }

    private ByteBuf text(String text) {
      return Unpooled.copiedBuffer(text, US_ASCII);
    }

    private void answer(ChannelHandlerContext context, boolean keepAlive, ByteBuf body) {
      DefaultFullHttpResponse response =
          new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK, body);
      boolean keeps = keepAlive && !leaving;
      HttpUtil.setKeepAlive(response, keeps);
      HttpUtil.setContentLength(response, body.readableBytes());
      context
          .writeAndFlush(response)
          .addListener(
              keeps ? ChannelFutureListener.CLOSE_ON_FAILURE : ChannelFutureListener.CLOSE);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      context.close();
    }
  }
}
