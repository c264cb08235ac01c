package dev.atelier.untrusted;

/** Text that comes from a user's file, as it may stand in a message: one line, and not too long. */
public final class OneLine {

  private static final String CUT = "…";

  private OneLine() {}

  /** All of {@code text}, {@code most} characters of it, with marks for line ends and the like. */
  public static String joined(String text, int most) {
    String printable = text.replaceAll("\\p{Cntrl}", "?");
    return printable.length() <= most ? printable : printable.substring(0, most) + CUT;
  }

  /** The first line of {@code text} that says something, {@code most} characters of it. */
  public static String of(String text, int most) {
    String line = text.lines().map(String::strip).filter(l -> !l.isEmpty()).findFirst().orElse("");
    return joined(line, most);
  }
}
