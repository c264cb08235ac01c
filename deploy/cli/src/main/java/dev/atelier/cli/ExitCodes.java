package dev.atelier.cli;

/** How a command ends, for scripts; docs/cli.md lists them. */
public final class ExitCodes {

  public static final int OK = 0;

  /** What was asked about did not end well, or the command failed for a reason not below. */
  static final int FAILED = 1;

  /** The command line is wrong. */
  static final int USAGE = 2;

  /** The API refused: the document or the request breaks a rule, or comes at the wrong time. */
  static final int REFUSED = 3;

  /** The API knows no such experiment, study, model or file. */
  static final int NOT_FOUND = 4;

  /** The API, or what it needs, cannot be reached; the same command may succeed later. */
  static final int UNAVAILABLE = 5;

  /** The API wants a token, or the token may not do this. */
  static final int FORBIDDEN = 6;

  private ExitCodes() {}

  /** The code for an answer that is no success. */
  static int ofStatus(int status) {
    return switch (status) {
      case 401, 403 -> FORBIDDEN;
      case 404, 410 -> NOT_FOUND;
      case 429, 502, 503, 504 -> UNAVAILABLE;
      default -> status / 100 == 4 ? REFUSED : FAILED;
    };
  }
}
