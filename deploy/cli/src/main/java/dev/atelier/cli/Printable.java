package dev.atelier.cli;

/**
 * Text as a terminal may have it: characters that would move its cursor, colour it, ring its bell
 * or turn the direction of writing are shown as escapes, since names and messages are of anybody's
 * making.
 */
final class Printable {

  private Printable() {}

  /** One line: what would break it is shown as {@code \n}. */
  static String line(String text) {
    return escaped(text, "");
  }

  /** Text of several lines, which keeps its line breaks and tabs. */
  static String lines(String text) {
    return escaped(text, "\n\t");
  }

  private static String escaped(String text, String kept) {
    StringBuilder escaped = new StringBuilder();
    text.codePoints()
        .forEach(
            c -> {
              if (!commands(c) || kept.indexOf(c) >= 0) {
                escaped.appendCodePoint(c);
              } else if (c == '\n') {
                escaped.append("\\n");
              } else if (c == '\r') {
                escaped.append("\\r");
              } else if (c == '\t') {
                escaped.append("\\t");
              } else {
                escaped.append("\\u%04x".formatted(c));
              }
            });
    return escaped.toString();
  }

  /** Whether the character tells the terminal something instead of being shown. */
  private static boolean commands(int c) {
    return Character.isISOControl(c) // C0, DEL and C1
        || c == 0x2028 // separators of lines and paragraphs
        || c == 0x2029
        || (c >= 0x202a && c <= 0x202e) // turn the direction of what follows
        || (c >= 0x2066 && c <= 0x2069)
        || (c >= 0xd800 && c <= 0xdfff); // half a character
  }
}
