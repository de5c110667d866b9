package io.goagain.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.goagain.Generation;
import io.goagain.RestartFailure;
import io.goagain.RestartMessages;
import io.goagain.impl.net.HandoverChannel;
import io.goagain.impl.net.InheritedListener;
import io.goagain.impl.net.Listeners;
import io.goagain.impl.posix.Descriptors;
import io.goagain.impl.posix.PosixException;
import io.netty.channel.unix.FileDescriptor;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Whoever is at the other end of the handover channel may say anything. */
@EnabledOnOs(OS.LINUX)
@Timeout(value = 30, unit = TimeUnit.MINUTES)
class HandoverFuzzTest {
  private static final Generation OWN = new Generation(1, ProcessHandle.current().pid(), 0);
  private static final Set<String> ADDRESSES =
      Set.of(RestartMessages.RELOAD, RestartMessages.REOPEN);
  private static final String HELLO = "{\"goagain\":1,\"generation\":2,\"pid\":77}\n";

  @TempDir Path directory;

  /** Opens what is under test on one end of a channel. */
  private interface End {
    void open(int messages, int descriptors) throws Exception;
  }

  private static List<String> lines(String... lines) {
    return List.of(lines);
  }

  /** One conversation, in which descriptors are announced that come, and others come, too. */
  private void converse(Fuzzing fuzzing, Mutator mutator, List<String> valid, End end)
      throws Exception {
    int[] messages = Descriptors.socketPair();
    int[] descriptors = Descriptors.socketPair();
    end.open(messages[0], descriptors[0]);
    int listener = Descriptors.listenUnix(directory.resolve("s" + System.nanoTime()) + "", 1);
    FileDescriptor file = FileDescriptor.from("/dev/null");
    try (Fuzzing.Peer peer = fuzzing.new Peer(messages[1], descriptors[1])) {
      for (String line : mutator.mutate(valid)) {
        boolean announced = line.contains("\"descriptor\":true");
        int chance = mutator.random().nextInt(20);
        if (announced ? chance > 1 : chance == 0) {
          peer.send(mutator.random().nextInt(3) > 0 ? listener : file.intValue());
        }
        peer.say(line);
      }
    } finally {
      file.close();
      Descriptors.close(listener);
    }
  }

  @Test
  void successor() throws Exception {
    List<String> valid =
        lines(
            "{\"type\":\"ready\",\"listeners\":[\"public\",\"x\"]}\n",
            "{\"type\":\"doing\",\"what\":\"x\"}\n",
            "{\"type\":\"failed\",\"code\":18,\"reason\":\"x\"}\n",
            "{\"type\":\"accepting\"}\n",
            "{\"type\":\"listener\",\"name\":\"x\",\"foreign\":false,\"descriptor\":true}\n",
            "{\"type\":\"standby\"}\n",
            "{\"type\":\"taken\"}\n",
            "{\"type\":\"refused\",\"descriptor\":true}\n",
            "{\"type\":\"publish\",\"address\":\"goagain.reload\"}\n",
            "{\"type\":\"abort\",\"reason\":\"x\",\"stop\":true}\n",
            "{\"type\":\"stopping\"}\n");
    try (Fuzzing fuzzing = new Fuzzing("^unknown message")) {
      fuzzing.run(
          mutator ->
              converse(
                  fuzzing,
                  mutator,
                  valid,
                  (messages, descriptors) -> {
                    HandoverChannel line =
                        HandoverChannel.open(messages, descriptors, c -> new Nobody());
                    Successor taker =
                        Successor.taker(77, line, OWN, new Listeners(), new OfSuccessor(fuzzing));
                    assertTrue(taker.isTaker());
                  }));
    }
  }

  @Test
  void predecessor() throws Exception {
    List<String> valid =
        lines(
            HELLO,
            "{\"type\":\"grant\"}\n",
            "{\"type\":\"connection\",\"listener\":\"public\",\"unread\":\"eA\",\"descriptor\":true}\n",
            "{\"type\":\"state\",\"name\":\"x\",\"length\":0,\"descriptor\":true}\n",
            "{\"type\":\"own\"}\n",
            "{\"type\":\"history\",\"restarts\":[{\"at\":\"now\",\"predecessorPid\":3}]}\n",
            "{\"type\":\"vitals\",\"vitals\":{\"pid\":1}}\n",
            "{\"type\":\"publish\",\"address\":\"goagain.reload\"}\n",
            "{\"type\":\"restart\"}\n",
            "{\"type\":\"main\"}\n",
            "{\"type\":\"executes\"}\n",
            "{\"type\":\"stop\"}\n",
            "{\"type\":\"abort\",\"reason\":\"x\",\"stop\":false}\n");
    try (Fuzzing fuzzing = new Fuzzing("^unknown message")) {
      fuzzing.run(
          mutator ->
              converse(
                  fuzzing,
                  mutator,
                  valid,
                  (messages, descriptors) -> {
                    HandoverChannel line =
                        HandoverChannel.open(messages, descriptors, c -> new Nobody());
                    Predecessor.standIn(line, OWN, new Listeners(), new OfPredecessor(fuzzing))
                        .sayAccepting();
                  }));
    }
  }

  /** Not given up after that: this would end the process. */
  @Test
  void whoHandsListenersOver() throws Exception {
    List<String> valid =
        lines(
            HELLO,
            "{\"type\":\"listener\",\"name\":\"public\",\"foreign\":false,\"descriptor\":true}\n",
            "{\"type\":\"listener\",\"name\":\"x\",\"foreign\":true,\"descriptor\":true}\n",
            "{\"type\":\"handed\"}\n",
            "{\"type\":\"grant\"}\n");
    try (Fuzzing fuzzing = new Fuzzing("^unknown message")) {
      fuzzing.run(
          mutator -> {
            Takeover.Reception reception = new Takeover.Reception("/path");
            converse(
                fuzzing,
                mutator,
                valid,
                (messages, descriptors) ->
                    HandoverChannel.open(
                        messages,
                        descriptors,
                        line -> {
                          reception.line = line;
                          return reception;
                        }));
            try {
              Inheritance taken = reception.handed.get(20, TimeUnit.SECONDS);
              assertTrue(taken.hasPredecessor(), taken::toString);
              for (InheritedListener listener : taken.listeners()) {
                Objects.requireNonNull(listener.name());
                Descriptors.close(listener.descriptor());
              }
            } catch (ExecutionException e) {
              assertTrue(e.getCause() instanceof IOException, e.toString());
            }
          });
    }
  }

  /** Until another one is told, which is not before something may have come. */
  private static final class Nobody implements HandoverChannel.Listener {
    @Override
    public void received(JsonObject message, int descriptor) {
      try {
        if (descriptor >= 0) {
          Descriptors.close(descriptor);
        }
      } catch (IOException e) {
        throw new IllegalStateException("descriptor " + descriptor, e);
      }
    }

    @Override
    public void closed() {}

    @Override
    public void broken(String reason) {}
  }

  /** Expects what the restarter relies on. */
  private record OfSuccessor(Fuzzing fuzzing) implements Successor.Observer {
    @Override
    public void ready(List<String> listeners) {
      if (listeners.contains(null)) {
        fuzzing.error("a listener without a name", null);
      }
    }

    @Override
    public void doing(String what) {
      Objects.requireNonNull(what);
    }

    @Override
    public void accepting() {}

    @Override
    public void stopping() {}

    @Override
    public void failed(RestartFailure failure, String reason) {}

    @Override
    public void standsBy(PosixException failure) {
      fuzzing.error("who took over does not stand in", failure);
    }

    @Override
    public void published(String address) {
      if (address == null || !ADDRESSES.contains(address)) {
        fuzzing.error("published " + address, null);
      }
    }

    @Override
    public void hungUp() {}

    @Override
    public void gone(String how) {}
  }

  private record OfPredecessor(Fuzzing fuzzing) implements Predecessor.Observer {
    @Override
    public void granted() {}

    @Override
    public void state(JsonObject message, int descriptor) {
      if (message.getString("name") == null) {
        fuzzing.error("state without a name", null);
      }
      try {
        int read = StateTransfer.read(descriptor, message).length();
        assertEquals((int) message.getInteger("length"), read);
      } catch (IOException | RuntimeException e) {
        // As its reader tells the log: it is lost.
      }
    }

    @Override
    public void ownershipPassedOn() {}

    @Override
    public void restartPassedOn() {}

    @Override
    public void mainPassedOn(boolean named) {}

    @Override
    public void stopPassedOn() {}

    @Override
    public void published(String address) {
      if (address == null || !ADDRESSES.contains(address)) {
        fuzzing.error("published " + address, null);
      }
    }

    @Override
    public void executes() {}

    @Override
    public void history(JsonArray restarts) {
      try {
        new History().putAll(restarts);
      } catch (RuntimeException e) {
        fuzzing.error("history", e);
      }
    }

    @Override
    public void vitals(JsonObject snapshot) {}

    @Override
    public void aborted(String reason, boolean stop) {}

    @Override
    public void gone() {}
  }
}
