package dev.atelier.network.files;

import dev.atelier.untrusted.OneLine;

/** A user's teacher cannot be imported; the message is one sentence that lists what is wrong. */
public final class TeacherException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private static final int MOST_SHOWN = 4000; // characters

  public TeacherException(String source, String reason) {
    super(sentence(source, reason));
  }

  private TeacherException(String message) {
    super(message);
  }

  /** With a sentence of its own, such as that of another process. */
  public static TeacherException of(String sentence) {
    return new TeacherException(sentence);
  }

  public TeacherException(String source, String reason, Throwable cause) {
    super(sentence(source, reason), cause);
  }

  /** Reasons quote files of strangers. */
  private static String sentence(String source, String reason) {
    return "Cannot import the teacher '%s': %s."
        .formatted(source, OneLine.joined(reason, MOST_SHOWN));
  }
}
