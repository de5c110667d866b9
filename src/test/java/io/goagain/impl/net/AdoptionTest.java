package io.goagain.impl.net;

import static io.goagain.impl.net.TestGeneration.await;
import static io.goagain.impl.net.TestGeneration.get;
import static io.goagain.impl.net.TestGeneration.handDown;
import static io.goagain.impl.net.TestGeneration.settle;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.impl.posix.Descriptors;
import io.goagain.impl.posix.SocketFacts;
import io.netty.channel.ChannelConfig;
import io.netty.channel.ChannelOption;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.SelfSignedCertificate;
import io.vertx.core.net.SocketAddress;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Two generations in one process: the second one gets duplicates of the descriptors of the first.
 */
@EnabledOnOs(OS.LINUX)
@Timeout(60)
class AdoptionTest {

  private static final SocketAddress ANY_PORT = SocketAddress.inetSocketAddress(0, "127.0.0.1");

  @TempDir Path directory;
  private final List<TestGeneration> generations = new ArrayList<>();

  private TestGeneration first() {
    generations.add(TestGeneration.first());
    return generations.get(generations.size() - 1);
  }

  private TestGeneration next(InheritedListener... inherited) {
    generations.add(TestGeneration.next(inherited));
    return generations.get(generations.size() - 1);
  }

  @AfterEach
  void close() throws Exception {
    for (TestGeneration generation : generations) {
      generation.close();
    }
  }

  private void end(TestGeneration generation) throws Exception {
    generation.close();
    generations.remove(generation);
  }

  /** A listener whose generation is gone, and that a next one inherits. */
  private InheritedListener leftBehind(String name, SocketAddress address) throws Exception {
    TestGeneration one = first();
    InheritedListener inherited = handDown(one.http(name, address, "one"));
    one.listeners.succeeded(true);
    end(one);
    return inherited;
  }

  private static SocketAddress sameAs(InheritedListener inherited) {
    return inherited.address() instanceof ListenerAddress.Inet inet
        ? SocketAddress.inetSocketAddress(inet.port(), inet.ip().getHostAddress())
        : SocketAddress.domainSocketAddress(((ListenerAddress.Unix) inherited.address()).path());
  }

  private static void assertAdopted(InheritedListener expected, Listener actual)
      throws IOException {
    assertTrue(actual.inherited());
    assertEquals(expected.name(), actual.name());
    assertEquals(expected.address(), actual.address());
    assertEquals(expected.descriptor(), actual.descriptor());
    assertTrue(SocketFacts.of(actual.descriptor()).listening());
  }

  // What is adopted

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "::1", "0.0.0.0", "::"})
  void anInternetListenerIsAdopted(String host) throws Exception {
    InheritedListener inherited = leftBehind("public", SocketAddress.inetSocketAddress(0, host));
    TestGeneration two = next(inherited);
    Listener adopted = two.http("public", sameAs(inherited), "two");
    assertAdopted(inherited, adopted);
    assertEquals(List.of(), two.listeners.unadopted());
    two.listeners.accepting(true);
    assertEquals("two", get(adopted));
  }

  @Test
  void aUnixListenerIsAdopted() throws Exception {
    InheritedListener inherited = leftBehind("public", unix("app.sock"));
    TestGeneration two = next(inherited);
    Listener adopted = two.http("public", unix("app.sock"), "two");
    assertAdopted(inherited, adopted);
    two.listeners.accepting(true);
    assertEquals("two", get(adopted));
  }

  @Test
  void anAbstractUnixListenerIsAdopted() throws Exception {
    SocketAddress address = SocketAddress.domainSocketAddress("\0goagain-" + UUID.randomUUID());
    InheritedListener inherited = leftBehind("public", address);
    TestGeneration two = next(inherited);
    Listener adopted = two.http("public", address, "two");
    assertAdopted(inherited, adopted);
    two.listeners.accepting(true);
    NetClient client = two.vertx.createNetClient();
    BlockingQueue<String> answers = new LinkedBlockingQueue<>();
    await(
        client
            .connect(address)
            .compose(
                socket -> {
                  socket.handler(answer -> answers.add(answer.toString()));
                  return socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
                }));
    assertTrue(answers.poll(20, TimeUnit.SECONDS).endsWith("two"));
  }

  /** As a supervisor makes one: blocking, and with nothing but a number. */
  @Test
  void aListenerThatSomebodyElseMadeIsAdopted() throws Exception {
    try (ServerSocketChannel server =
        ServerSocketChannel.open(StandardProtocolFamily.UNIX)
            .bind(UnixDomainSocketAddress.of(directory.resolve("app.sock")))) {
      int number = -1;
      for (int fd : Descriptors.open()) {
        if (Files.isSymbolicLink(Path.of("/proc/self/fd/" + fd)) && isListeningOn(fd, "app.sock")) {
          number = fd;
        }
      }
      InheritedListener inherited =
          InheritedListener.claim("systemd", Descriptors.duplicate(number));
      TestGeneration two = next(inherited);
      Listener adopted = two.http("public", unix("app.sock"), "two");
      assertTrue(adopted.inherited());
      assertEquals("public", adopted.name());
      two.listeners.accepting(true);
      assertEquals("two", get(adopted));
      assertTrue(server.isOpen());
    }
  }

  private static boolean isListeningOn(int fd, String file) {
    try {
      SocketFacts facts = SocketFacts.of(fd);
      return facts.listening() && facts.unixPath() != null && facts.unixPath().endsWith(file);
    } catch (IOException noSocket) {
      return false;
    }
  }

  @Test
  void aServerThatWasNotInheritedIsBound() throws Exception {
    TestGeneration two = next();
    Listener fresh = two.http("public", ANY_PORT, "two");
    assertFalse(fresh.inherited());
    two.listeners.accepting(true);
    assertEquals("two", get(fresh));
  }

  @Test
  void theFirstGenerationAcceptsAtOnce() throws Exception {
    assertEquals("one", get(first().http("public", ANY_PORT, "one")));
  }

  @Test
  void aListenerMayGoThroughManyGenerations() throws Exception {
    InheritedListener inherited = leftBehind("public", ANY_PORT);
    for (int generation = 2; generation < 6; generation++) {
      TestGeneration current = next(inherited);
      Listener adopted = current.http("public", ANY_PORT, "generation " + generation);
      assertEquals(inherited.address(), adopted.address());
      current.listeners.accepting(true);
      assertEquals("generation " + generation, get(adopted));
      inherited = handDown(adopted);
      end(current);
    }
    Descriptors.close(inherited.descriptor());
  }

  // When it accepts

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aListenerAcceptsWhenItsProcessMayAndServesWhatWaited(boolean inherits) throws Exception {
    TestGeneration two = inherits ? next(leftBehind("public", ANY_PORT)) : next();
    Listener listener =
        two.http(
            "public",
            new HttpServerOptions(),
            ANY_PORT,
            request -> request.response().end("accepting: " + two.listeners.accepting()));
    assertEquals(inherits, listener.inherited());
    try (TestClient client = TestClient.connect(listener)) {
      client.get("/");
      settle(listener);
      assertEquals(0, two.listeners.connectionsOf(listener));
      two.listeners.accepting(true);
      assertEquals("accepting: true", client.response().body());
      assertEquals(1, two.listeners.connectionsOf(listener));
    }
  }

  @Test
  void bothGenerationsMayAcceptForAWhile() throws Exception {
    TestGeneration one = first();
    Listener bound = one.http("public", ANY_PORT, "one");
    TestGeneration two = next(handDown(bound));
    Listener adopted = two.http("public", ANY_PORT, "two");
    assertEquals("one", get(bound));
    two.listeners.accepting(true);
    settle(adopted);
    for (int i = 0; i < 20; i++) {
      assertTrue(Set.of("one", "two").contains(get(bound)));
    }
    one.listeners.accepting(false);
    settle(bound);
    for (int i = 0; i < 20; i++) {
      assertEquals("two", get(bound));
    }
    one.listeners.accepting(true);
    two.listeners.accepting(false);
    settle(bound);
    settle(adopted);
    for (int i = 0; i < 20; i++) {
      assertEquals("one", get(bound));
    }
  }

  @Test
  void theOldGenerationsCloseTakesNothingFromTheNewOne() throws Exception {
    TestGeneration one = first();
    Listener bound = one.http("public", ANY_PORT, "one");
    TestGeneration two = next(handDown(bound));
    Listener adopted = two.http("public", ANY_PORT, "two");
    try (TestClient waiting = TestClient.connect(adopted)) {
      waiting.get("/");
      assertEquals("one", waiting.response().body());
      two.listeners.accepting(true);
      one.listeners.accepting(false);
      one.listeners.close(all -> true);
      settle(bound);
      assertEquals("two", get(adopted));
      waiting.get("/");
      assertEquals("one", waiting.response().body());
    }
  }

  // Which one is adopted

  @Test
  void aListenerOnAPortOfTheKernelsChoiceIsFoundByItsName() throws Exception {
    InheritedListener a = leftBehind("a", ANY_PORT);
    InheritedListener b = leftBehind("b", ANY_PORT);
    TestGeneration two = next(a, b);
    assertAdopted(b, two.http("b", ANY_PORT, "b"));
    assertAdopted(a, two.http("a", ANY_PORT, "a"));
    Listener other = two.http("c", ANY_PORT, "c");
    assertFalse(other.inherited());
    assertNotEquals(a.address(), other.address());
  }

  @Test
  void listenersWithoutANameAreFoundInTheOrderInWhichTheyWereBound() throws Exception {
    TestGeneration one = first();
    List<InheritedListener> inherited = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      inherited.add(handDown(one.http(null, ANY_PORT, "one")));
    }
    end(one);
    assertEquals(3, inherited.stream().map(InheritedListener::name).distinct().count());
    TestGeneration two = next(inherited.toArray(InheritedListener[]::new));
    for (InheritedListener expected : inherited) {
      assertAdopted(expected, two.http(null, ANY_PORT, "two"));
    }
  }

  @Test
  void theNameCountsBeforeTheAddress() throws Exception {
    TestGeneration one = first();
    Listener bound = one.http("first", ANY_PORT, "one");
    InheritedListener first = handDown(bound);
    InheritedListener second =
        InheritedListener.claim("second", Descriptors.duplicate(bound.descriptor()));
    end(one);
    TestGeneration two = next(first, second);
    assertAdopted(second, two.http("second", sameAs(second), "two"));
    assertEquals(List.of(first), two.listeners.unadopted());
    two.listeners.closeUnadopted();
  }

  @Test
  void aServerOfAnotherNameAdoptsTheListenerOfItsAddress() throws Exception {
    InheritedListener inherited = leftBehind("old", ANY_PORT);
    TestGeneration two = next(inherited);
    Listener adopted = two.http("new", sameAs(inherited), "two");
    assertTrue(adopted.inherited());
    assertEquals("new", adopted.name());
    assertEquals(inherited.address(), adopted.address());
  }

  @Test
  void anotherAddressIsBoundAndTheOldOneIsClosedWhenNobodyWantsIt() throws Exception {
    InheritedListener inherited = leftBehind("public", ANY_PORT);
    TestGeneration two = next(inherited);
    Listener fresh = two.http("public", SocketAddress.inetSocketAddress(0, "127.0.0.2"), "two");
    assertFalse(fresh.inherited());
    assertEquals("public", fresh.name());
    assertEquals(List.of(inherited), two.listeners.unadopted());
    java.net.SocketAddress old = inherited.address().toSocketAddress();
    SocketChannel.open(old).close(); // still there
    two.listeners.closeUnadopted();
    assertEquals(List.of(), two.listeners.unadopted());
    assertThrows(ConnectException.class, () -> SocketChannel.open(old));
    two.listeners.accepting(true);
    assertEquals("two", get(fresh));
  }

  @Test
  void anAddressThatIsTakenFailsTheServer() throws Exception {
    Listener taken = first().http("public", ANY_PORT, "one");
    TestGeneration other = first();
    int port = ((InetSocketAddress) taken.address().toSocketAddress()).getPort();
    SocketAddress same = SocketAddress.inetSocketAddress(port, "127.0.0.1");
    ExecutionException failure =
        assertThrows(ExecutionException.class, () -> other.http("public", same, "two"));
    assertTrue(failure.getCause() instanceof IOException, failure::toString);
    assertTrue(failure.getMessage().contains("in use"), failure::toString);
    assertEquals(List.of(), other.listeners.open());
    assertEquals("one", get(taken));
  }

  // Instances, TLS, options

  @Test
  void severalInstancesShareAListener() throws Exception {
    InheritedListener inherited = leftBehind("public", ANY_PORT);
    TestGeneration two = next(inherited);
    Set<String> instances = ConcurrentHashMap.newKeySet();
    two.deploy(
        "public",
        2,
        context -> {
          String instance = UUID.randomUUID().toString();
          instances.add(instance);
          return two.vertx
              .createHttpServer()
              .requestHandler(request -> request.response().end(instance))
              .listen(sameAs(inherited));
        });
    assertEquals(1, two.listeners.open().size());
    assertAdopted(inherited, two.last());
    two.listeners.accepting(true);
    Set<String> answered = ConcurrentHashMap.newKeySet();
    for (int i = 0; i < 8; i++) {
      answered.add(get(two.last()));
    }
    assertEquals(instances, answered);
    assertEquals(2, answered.size());
  }

  @Test
  @SuppressWarnings("removal") // Vert.x has no other way to make a certificate
  void tlsWorksOnAnAdoptedListener() throws Exception {
    InheritedListener inherited = leftBehind("tls", ANY_PORT);
    TestGeneration two = next(inherited);
    SelfSignedCertificate certificate = SelfSignedCertificate.create();
    try {
      Listener adopted =
          two.http(
              "tls",
              new HttpServerOptions()
                  .setSsl(true)
                  .setUseAlpn(true)
                  .setKeyCertOptions(certificate.keyCertOptions()),
              ANY_PORT,
              request -> request.response().end(request.isSSL() + " " + request.version()));
      two.listeners.accepting(true);
      int port = ((InetSocketAddress) adopted.address().toSocketAddress()).getPort();
      HttpClient client =
          two.vertx.createHttpClient(
              new HttpClientOptions()
                  .setSsl(true)
                  .setTrustOptions(certificate.trustOptions())
                  .setVerifyHost(false));
      assertEquals(
          "true HTTP_1_1",
          await(
              client
                  .request(HttpMethod.GET, port, "127.0.0.1", "/")
                  .compose(request -> request.send())
                  .compose(response -> response.body())
                  .map(Object::toString)));
    } finally {
      certificate.delete();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void noOptionOfAServerIsRefused(boolean inherits) throws Exception {
    TestGeneration two = inherits ? next(leftBehind("public", ANY_PORT)) : next();
    Listener listener =
        two.http(
            "public",
            new HttpServerOptions()
                .setAcceptBacklog(7)
                .setReuseAddress(true)
                .setReceiveBufferSize(1 << 16)
                .setSendBufferSize(1 << 16)
                .setTcpFastOpen(true)
                .setTcpQuickAck(true)
                .setTcpCork(true)
                .setTrafficClass(0x10),
            ANY_PORT,
            request -> request.response().end("two"));
    // What it refuses, Netty warns of.
    ChannelConfig config = listener.channel().config();
    assertTrue(config.setOption(ChannelOption.SO_REUSEADDR, true));
    assertTrue(config.setOption(EpollChannelOption.TCP_DEFER_ACCEPT, 1));
    assertEquals(7, config.getOption(ChannelOption.SO_BACKLOG));
    two.listeners.accepting(true);
    assertEquals("two", get(listener));
  }

  @Test
  void theOptionsOfAServerReachItsSocket() {
    EpollServerSocketChannel socket = new EpollServerSocketChannel();
    try {
      RecordingConfig recorded = new RecordingConfig(socket, () -> {});
      assertTrue(recorded.setOption(ChannelOption.SO_BACKLOG, 7));
      assertTrue(recorded.setOption(ChannelOption.SO_REUSEADDR, true));
      assertTrue(recorded.setOption(EpollChannelOption.SO_REUSEPORT, true));
      recorded.applyTo(socket.config());
      assertEquals(7, socket.config().getBacklog());
      assertTrue(socket.config().isReuseAddress());
      assertTrue(socket.config().isReusePort());
    } finally {
      socket.unsafe().closeForcibly();
    }
  }

  // The file of a Unix socket

  private SocketAddress unix(String file) {
    return SocketAddress.domainSocketAddress(directory.resolve(file).toString());
  }

  private boolean fileExists() {
    return Files.exists(directory.resolve("app.sock"));
  }

  @Test
  void aFinalStopRemovesThePath() throws Exception {
    TestGeneration one = first();
    one.http("public", unix("app.sock"), "one");
    assertTrue(fileExists());
    end(one);
    assertFalse(fileExists());
  }

  @Test
  void aGenerationThatHasHandedOverLeavesThePath() throws Exception {
    TestGeneration one = first();
    Listener bound = one.http("public", unix("app.sock"), "one");
    TestGeneration two = next(handDown(bound));
    Listener adopted = two.http("public", unix("app.sock"), "two");
    two.listeners.accepting(true);
    one.listeners.succeeded(true);
    one.listeners.close(all -> true);
    end(one);
    assertTrue(fileExists());
    assertEquals("two", get(adopted));
    end(two);
    assertFalse(fileExists(), "the newest generation owns it");
  }

  @Test
  void aSuccessorThatWasGivenUpLeavesThePathToItsPredecessor() throws Exception {
    TestGeneration one = first();
    Listener bound = one.http("public", unix("app.sock"), "one");
    TestGeneration two = next(handDown(bound));
    Listener adopted = two.http("public", unix("app.sock"), "two");
    // As after an abort, or a failed deployment: it has never accepted.
    two.listeners.close(all -> true);
    settle(adopted);
    assertTrue(fileExists(), "when its listeners were closed");
    end(two);
    assertTrue(fileExists(), "when its Vert.x was closed");
    assertEquals("one", get(bound));
  }

  @Test
  void aServerThatASuccessorClosesWhileItBootsLeavesThePathToItsPredecessor() throws Exception {
    TestGeneration one = first();
    Listener bound = one.http("public", unix("app.sock"), "one");
    TestGeneration two = next(handDown(bound));
    two.http("public", unix("app.sock"), "two");
    end(two);
    assertTrue(fileExists());
    assertEquals("one", get(bound));
  }

  @Test
  void anotherFileThatTookThePathStays() throws Exception {
    TestGeneration one = first();
    one.http("public", unix("app.sock"), "one");
    Files.delete(directory.resolve("app.sock"));
    Files.writeString(directory.resolve("app.sock"), "somebody else's");
    end(one);
    assertEquals("somebody else's", Files.readString(directory.resolve("app.sock")));
  }

  @Test
  void aListenerThatNobodyWantsTakesItsPathWithIt() throws Exception {
    TestGeneration two = next(leftBehind("public", unix("app.sock")));
    assertTrue(fileExists());
    two.listeners.closeUnadopted();
    assertFalse(fileExists());
  }

  @Test
  void aStalePathIsReplaced() throws Exception {
    ServerSocketChannel.open(StandardProtocolFamily.UNIX)
        .bind(UnixDomainSocketAddress.of(directory.resolve("app.sock")))
        .close();
    assertTrue(fileExists());
    assertEquals("one", get(first().http("public", unix("app.sock"), "one")));
  }

  @Test
  void aPathThatSomebodyServesFailsTheServer() throws Exception {
    Listener taken = first().http("public", unix("app.sock"), "one");
    TestGeneration other = first();
    ExecutionException failure =
        assertThrows(ExecutionException.class, () -> other.http("public", unix("app.sock"), "two"));
    assertTrue(failure.getMessage().contains("in use"), failure::toString);
    assertEquals(List.of(), other.listeners.open());
    assertEquals("one", get(taken));
    end(other);
    assertEquals("one", get(taken));
  }

  @Test
  void aPathThatIsNoSocketFailsTheServerAndStays() throws Exception {
    Files.writeString(directory.resolve("app.sock"), "precious");
    TestGeneration one = first();
    assertThrows(ExecutionException.class, () -> one.http("public", unix("app.sock"), "one"));
    end(one);
    assertEquals("precious", Files.readString(directory.resolve("app.sock")));
  }

  @Test
  void aLoopbackPortIsNotServedByAnotherFamily() throws Exception {
    InheritedListener inherited = leftBehind("public", ANY_PORT);
    TestGeneration two = next(inherited);
    Listener fresh = two.http("public", SocketAddress.inetSocketAddress(0, "::1"), "two");
    assertFalse(fresh.inherited());
    assertTrue(
        fresh.address().toString().startsWith("[0:0:0:0:0:0:0:1]:"), fresh.address()::toString);
    two.listeners.closeUnadopted();
  }
}
