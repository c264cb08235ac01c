package dev.atelier.network.files;

/** A user's teacher cannot be imported; the message is one sentence that lists what is wrong. */
public final class TeacherException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public TeacherException(String source, String reason) {
    super("Cannot import the teacher '%s': %s.".formatted(source, reason));
  }

  private TeacherException(String message) {
    super(message);
  }

  /** With a sentence of its own, such as that of another process. */
  public static TeacherException of(String sentence) {
    return new TeacherException(sentence);
  }

  public TeacherException(String source, String reason, Throwable cause) {
    super("Cannot import the teacher '%s': %s.".formatted(source, reason), cause);
  }
}
