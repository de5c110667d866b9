package io.goagain.impl.net;

import static java.util.stream.Collectors.joining;
import static java.util.stream.Collectors.toUnmodifiableSet;

import io.goagain.impl.posix.PeerCredentials;
import io.goagain.impl.posix.Users;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Who may give orders through the control socket: root, the user that this process acts as, and
 * those who are listed. The mode of the socket's file says who reaches it; this asks who it is.
 *
 * @param users numbers, beside root and this process's own
 */
public record ControlAccess(Set<Integer> users) {

  public ControlAccess {
    users = Set.copyOf(users);
  }

  /**
   * Looks the names up, once.
   *
   * @param users names or numbers
   * @throws IllegalArgumentException if there is no such user
   */
  public static ControlAccess of(List<String> users) {
    try {
      return new ControlAccess(users.stream().map(Users::uidOf).collect(toUnmodifiableSet()));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("controlSocketUsers: " + e.getMessage(), e);
    }
  }

  public boolean allows(PeerCredentials peer) {
    return peer.uid() == 0 || peer.uid() == Users.effectiveUser() || users.contains(peer.uid());
  }

  /** What to tell one who is not allowed, and the log. */
  public String refusal(PeerCredentials peer) {
    String allowed =
        Stream.concat(Stream.of(0, Users.effectiveUser()), users.stream())
            .distinct()
            .sorted(Integer::compareUnsigned)
            .map(Integer::toUnsignedString)
            .collect(joining(", "));
    return ("process %d of uid %s may not use the control socket, only uid %s; "
            + "controlSocketUsers adds others")
        .formatted(peer.pid(), Integer.toUnsignedString(peer.uid()), allowed);
  }
}
