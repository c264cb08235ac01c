package dev.atelier.api.spec;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.yaml.snakeyaml.error.Mark;
import org.yaml.snakeyaml.error.MarkedYAMLException;

/**
 * Where and why a text is no document of its format.
 *
 * @param place empty: it is not known
 */
record SyntaxFault(DocumentFormat format, Optional<Place> place, String reason) {

  private static final int SHOWN_BEFORE = 60; // characters of the line
  private static final int SHOWN_BEHIND = 20;
  private static final String INDENT = "  ";

  /** As Jackson names a place within a sentence. */
  private static final Pattern NAMED_PLACE =
      Pattern.compile("\\[Source: [^\\]]*?line: (\\d+), column: (\\d+)\\]");

  /**
   * A character of the document.
   *
   * @param line counted from 1
   * @param column counted from 1, in characters
   * @param text the line
   */
  record Place(int line, int column, String text) {}

  /** What a parser says of a document. */
  static SyntaxFault of(JsonProcessingException e, byte[] document, DocumentFormat format) {
    if (e.getCause() instanceof MarkedYAMLException marked && marked.getProblemMark() != null) {
      Mark mark = marked.getProblemMark();
      return new SyntaxFault(
          format,
          Optional.of(
              new Place(
                  mark.getLine() + 1, mark.getColumn() + 1, line(document, mark.getLine() + 1))),
          DocumentParser.sentence(String.valueOf(marked.getProblem()) + context(marked)));
    }
    return new SyntaxFault(
        format,
        Optional.ofNullable(e.getLocation())
            .filter(location -> location.getLineNr() >= 1)
            .map(location -> place(location, document, format)),
        DocumentParser.sentence(
            NAMED_PLACE.matcher(e.getOriginalMessage()).replaceAll("line $1, column $2")));
  }

  /** What it was at, and since where. */
  private static String context(MarkedYAMLException marked) {
    if (marked.getContext() == null || marked.getContextMark() == null) {
      return "";
    }
    return " %s from line %d, column %d on"
        .formatted(
            marked.getContext(),
            marked.getContextMark().getLine() + 1,
            marked.getContextMark().getColumn() + 1);
  }

  private static Place place(JsonLocation location, byte[] document, DocumentFormat format) {
    String line = line(document, location.getLineNr());
    int before = Math.max(0, location.getColumnNr() - 1);
    if (format == DocumentFormat.JSON) { // whose columns are counted in bytes
      byte[] bytes = line.getBytes(StandardCharsets.UTF_8);
      byte[] read = Arrays.copyOf(bytes, Math.min(before, bytes.length));
      before = (int) new String(read, StandardCharsets.UTF_8).codePoints().count();
    }
    return new Place(location.getLineNr(), before + 1, line);
  }

  private static String line(byte[] document, int number) {
    List<String> lines = new String(document, StandardCharsets.UTF_8).lines().toList();
    return number <= lines.size() ? lines.get(number - 1) : "";
  }

  /** A sentence, and below it the line with a caret under the character. */
  String text() {
    return place
        .map(
            at ->
                "The document is not %s (line %d, column %d): %s\n%s"
                    .formatted(format, at.line(), at.column(), reason, shown(at)))
        .orElseGet(() -> "The document is not %s: %s".formatted(format, reason))
        .stripTrailing();
  }

  private static String shown(Place at) {
    int[] line = at.text().codePoints().map(c -> Character.isISOControl(c) ? ' ' : c).toArray();
    int caret = Math.min(at.column() - 1, line.length);
    int from = Math.max(0, caret - SHOWN_BEFORE);
    int to = Math.min(line.length, caret + SHOWN_BEHIND);
    return line.length == 0
        ? ""
        : "%s%s\n%s%s^"
            .formatted(INDENT, new String(line, from, to - from), INDENT, " ".repeat(caret - from));
  }
}
