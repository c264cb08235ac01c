package dev.atelier.webhook;

import java.util.Optional;

/** What became of one attempt to send a message. */
public sealed interface Outcome {

  /**
   * The receiver took it.
   *
   * @param status of HTTP or SMTP
   */
  record Delivered(int status) implements Outcome {}

  /**
   * It may succeed later.
   *
   * @param status of the answer; empty: there was none
   */
  record Failed(Optional<Integer> status, String reason) implements Outcome {}

  /** It makes no sense to try again. */
  record Refused(Optional<Integer> status, String reason) implements Outcome {}
}
