package io.goagain.impl.net;

import io.goagain.impl.posix.Descriptors;
import io.goagain.impl.posix.PeerCredentials;
import io.goagain.impl.posix.PosixException;
import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Asks whoever listens on a control socket for a line to it: two connections, each of which is
 * upgraded from HTTP, become the two sockets of a {@link HandoverChannel}.
 */
public final class LineRequest {

  /** Says, to both sides, what is spoken after the upgrade. */
  public static final String PROTOCOL = "goagain";

  /** The path of the request. */
  public static final String PATH = "/takeover";

  private static final int MAX_ANSWER = 1 << 16;

  /** Somebody listens, and does not want this. The message is a sentence. */
  public static final class RefusedException extends IOException {
    public RefusedException(String message) {
      super(message);
    }
  }

  private final String path;
  private final ControlAccess access;
  private final long deadline;
  private final EventLoopGroup loop =
      new MultiThreadIoEventLoopGroup(
          1, new DefaultThreadFactory("goagain-takeover", true), EpollIoHandler.newFactory());

  private LineRequest(String path, ControlAccess access, long deadline) {
    this.path = path;
    this.access = access;
    this.deadline = deadline;
  }

  /**
   * Blocks until there is an answer.
   *
   * @param access whose listeners are accepted
   * @param deadline in terms of {@link System#nanoTime}
   * @return the descriptors of the messages and of the descriptors, for the caller to own; nobody
   *     says anything on them before the caller does
   * @throws RefusedException if the other side or this one does not want to
   * @throws IOException if whoever listened is gone
   */
  public static int[] send(String path, ControlAccess access, long deadline) throws IOException {
    LineRequest request = new LineRequest(path, access, deadline);
    try {
      String token = UUID.randomUUID().toString();
      int messages = request.connection("messages", token);
      try {
        return new int[] {messages, request.connection("descriptors", token)};
      } catch (IOException e) {
        Descriptors.close(messages);
        throw e;
      }
    } finally {
      request.loop.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }
  }

  private int connection(String half, String token) throws IOException {
    CompletableFuture<Integer> answer = new CompletableFuture<>();
    new Bootstrap()
        .group(loop)
        .channel(EpollDomainSocketChannel.class)
        .handler(
            new ChannelInitializer<Channel>() {
              @Override
              protected void initChannel(Channel channel) {
                channel
                    .pipeline()
                    .addLast(new HttpClientCodec(), new HttpObjectAggregator(MAX_ANSWER))
                    .addLast(new Asking(half, token, answer));
              }
            })
        .connect(new DomainSocketAddress(path))
        .addListener(
            connected -> {
              if (!connected.isSuccess()) {
                answer.completeExceptionally(connected.cause());
              }
            });
    try {
      return answer.get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new RefusedException(
          "Somebody listens on %s and did not answer in time: see what it waits for, or raise readyTimeout."
              .formatted(path));
    } catch (ExecutionException e) {
      throw e.getCause() instanceof IOException failure
          ? failure
          : new IOException("could not ask on " + path, e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RefusedException("interrupted while " + path + " was asked");
    }
  }

  private final class Asking extends SimpleChannelInboundHandler<FullHttpResponse> {
    private final String half;
    private final String token;
    private final CompletableFuture<Integer> answer;

    Asking(String half, String token, CompletableFuture<Integer> answer) {
      this.half = half;
      this.token = token;
      this.answer = answer;
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) throws PosixException {
      PeerCredentials listening = PeerCredentials.of(descriptor(ctx));
      if (!access.allows(listening)) {
        refused(
            "The socket %s is served by user %d, from whom this process takes nothing: choose another controlSocket, or name that user in controlSocketUsers."
                .formatted(path, listening.uid()));
        ctx.close();
        return;
      }
      FullHttpRequest request =
          new DefaultFullHttpRequest(
              HttpVersion.HTTP_1_1, HttpMethod.GET, PATH + "?half=" + half + "&token=" + token);
      request
          .headers()
          .set(HttpHeaderNames.HOST, "goagain")
          .set(HttpHeaderNames.CONNECTION, "Upgrade")
          .set(HttpHeaderNames.UPGRADE, PROTOCOL);
      ctx.writeAndFlush(request);
    }

    private int descriptor(ChannelHandlerContext ctx) {
      return ((EpollDomainSocketChannel) ctx.channel()).fd().intValue();
    }

    @Override
    protected void channelRead0(ChannelHandlerContext ctx, FullHttpResponse response)
        throws PosixException {
      if (response.status().equals(HttpResponseStatus.SWITCHING_PROTOCOLS)) {
        int duplicate = Descriptors.duplicate(descriptor(ctx));
        ctx.channel().closeFuture().addListener(closed -> answer.complete(duplicate));
      } else {
        refused(
            "Whoever listens on %s cannot be taken over from: %s"
                .formatted(path, reason(response)));
      }
      ctx.close();
    }

    private String reason(FullHttpResponse response) {
      String body = response.content().toString(StandardCharsets.UTF_8);
      try {
        return new JsonObject(body).getString("message");
      } catch (DecodeException | ClassCastException e) {
        return "it answers " + response.status() + ", and is no GoAgain service of this version";
      }
    }

    private void refused(String sentence) {
      answer.completeExceptionally(new RefusedException(sentence));
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
      // Without effect if there was an answer, whose own listener was there first.
      ctx.executor().execute(() -> answer.completeExceptionally(new ClosedChannelException()));
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      answer.completeExceptionally(cause);
      ctx.close();
    }
  }
}
