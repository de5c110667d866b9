package io.goagain.impl.net;

import static java.lang.System.Logger.Level.WARNING;

import io.goagain.impl.posix.DescriptorMessages;
import io.goagain.impl.posix.Descriptors;
import io.goagain.impl.posix.PosixException;
import io.netty.channel.IoEvent;
import io.netty.channel.IoRegistration;
import io.netty.channel.epoll.EpollIoEvent;
import io.netty.channel.epoll.EpollIoHandle;
import io.netty.channel.epoll.EpollIoOps;
import io.netty.channel.unix.FileDescriptor;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.function.Consumer;

/**
 * The half of a line that carries descriptors, on the event loop of the other half. Not a channel
 * of Netty's: that loses the descriptors of a message with two of them, which a peer may send, and
 * fails where there is no room to send one.
 */
final class DescriptorSocket implements EpollIoHandle {

  /** What is told, on the event loop. */
  interface Listener {
    /** The listener's to own. */
    void received(int descriptor);

    /** Nothing more comes. */
    void ended();

    void broken(String reason);
  }

  private static final System.Logger LOG = System.getLogger(DescriptorSocket.class.getName());

  /** Others on this event loop are heard in between. */
  private static final int MAX_AT_ONCE = 64;

  private record Outgoing(int descriptor, Consumer<IOException> sent) {}

  private final FileDescriptor socket;
  private final DescriptorMessages messages;
  private final Listener listener;
  private final Queue<Outgoing> outgoing = new ArrayDeque<>();
  private IoRegistration registration;
  private boolean ended;
  private boolean closed;

  /** The descriptor is this object's, also before it is registered. */
  DescriptorSocket(int descriptor, Listener listener) {
    this.socket = new FileDescriptor(descriptor);
    this.messages = new DescriptorMessages(descriptor);
    this.listener = listener;
  }

  @Override
  public FileDescriptor fd() {
    return socket;
  }

  /** From now on what comes is told. */
  void registered(IoRegistration registered) {
    registration = registered;
    listen();
  }

  /** For room too, while something waits for that. */
  private void listen() {
    if (!ended && !closed && registration != null) {
      EpollIoOps ops = EpollIoOps.EPOLLIN.with(EpollIoOps.EPOLLRDHUP);
      registration.submit(outgoing.isEmpty() ? ops : ops.with(EpollIoOps.EPOLLOUT));
    }
  }

  /**
   * Sends a descriptor after those before it.
   *
   * @param sent told null when the kernel has a copy of its own, or why it never will
   */
  void send(int descriptor, Consumer<IOException> sent) {
    outgoing.add(new Outgoing(descriptor, sent));
    if (closed) {
      fail(new ClosedChannelException());
    } else if (outgoing.size() == 1) {
      sendWaiting();
    }
  }

  private void sendWaiting() {
    try {
      while (!outgoing.isEmpty() && messages.send(outgoing.peek().descriptor())) {
        outgoing.remove().sent().accept(null);
      }
      if (ended && !outgoing.isEmpty()) {
        fail(new ClosedChannelException()); // nobody would tell when there is room
      }
    } catch (PosixException e) {
      fail(e);
    }
    listen();
  }

  private void fail(IOException failure) {
    while (!outgoing.isEmpty()) {
      outgoing.remove().sent().accept(failure);
    }
  }

  @Override
  public void handle(IoRegistration from, IoEvent event) {
    EpollIoOps ops = ((EpollIoEvent) event).ops();
    registration = from; // the end is told even to who has not asked for anything yet
    if (!closed && ops.contains(EpollIoOps.EPOLLOUT) && !outgoing.isEmpty()) {
      sendWaiting();
    }
    if (!closed && !ended) {
      receive();
    }
  }

  private void receive() {
    try {
      for (int i = 0; i < MAX_AT_ONCE && !closed; i++) {
        DescriptorMessages.Received received = messages.receive();
        if (received == null) {
          return;
        }
        if (received.end()) {
          end();
          listener.ended();
          return;
        }
        if (received.descriptors().size() != 1) {
          received.descriptors().forEach(DescriptorSocket::close);
          end();
          listener.broken(
              "it sent a message with %d descriptors, in place of one"
                  .formatted(received.descriptors().size()));
          return;
        }
        listener.received(received.descriptors().get(0));
      }
    } catch (PosixException e) {
      // ECONNRESET: the peer died before it had read everything.
      end();
      listener.ended();
    }
  }

  /** It would be told for ever that the other end is closed. */
  private void end() {
    ended = true;
    registration.cancel();
  }

  /** On the event loop, or before it is registered. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    if (registration != null && !ended) {
      registration.cancel();
    }
    fail(new ClosedChannelException());
    close(socket.intValue());
  }

  private static void close(int descriptor) {
    try {
      Descriptors.close(descriptor);
    } catch (IOException e) {
      LOG.log(WARNING, "could not close a descriptor of the handover", e);
    }
  }
}
