package io.goagain.load;

/** The ways in which a client can lose a request. Nothing is ever retried. */
public enum Failure {
  /** Nobody listens at the address. */
  CONNECT_REFUSED("connection refused"),
  /** Reset before the first answer: what a client gets that waited in a closed accept queue. */
  CONNECT_RESET("reset before the first answer"),
  /** Connecting failed in any other way. */
  CONNECT_FAILED("could not connect"),
  /** Reset in the middle of an answer. */
  RESET("reset within an answer"),
  /** End of stream before a whole answer, on a fresh connection or within an answer. */
  CLOSED_EARLY("closed before a whole answer"),
  /** A keep-alive connection closed or reset under a request, with no byte of an answer. */
  CLOSED_ON_REUSE("keep-alive connection closed under a request"),
  /** No whole answer in time. */
  TIMEOUT("no answer in time"),
  /** A whole answer whose status is not 200. */
  BAD_STATUS("wrong status"),
  /** A whole answer whose body is not the expected one. */
  BAD_BODY("wrong body"),
  /** Bytes that are no HTTP/1.1 answer, or more bytes than the answer has. */
  MALFORMED("not HTTP"),
  /** Due, and never sent, because its client was stuck until the load had ended. */
  NOT_SENT("due but never sent");

  private final String words;

  Failure(String words) {
    this.words = words;
  }

  /** This kind of failure in a few words. */
  public String words() {
    return words;
  }
}
