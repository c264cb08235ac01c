package dev.atelier.report;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Text in Markdown, in which what users wrote stays text. */
final class Markdown {

  private final StringBuilder text = new StringBuilder();

  Markdown heading(int level, String title) {
    text.append("#".repeat(level)).append(' ').append(escaped(title)).append("\n\n");
    return this;
  }

  Markdown paragraph(String sentences) {
    text.append(escaped(sentences)).append("\n\n");
    return this;
  }

  /** A warning, set apart. */
  Markdown warning(String sentences) {
    text.append("> ").append(escaped(sentences)).append("\n\n");
    return this;
  }

  Markdown picture(String description, String fileName) {
    text.append(image(description, fileName)).append("\n\n");
    return this;
  }

  /** Cells are texts. */
  Markdown table(List<String> head, List<List<String>> rows) {
    return rawTable(
        head, rows.stream().map(r -> r.stream().map(Markdown::escaped).toList()).toList());
  }

  /** Cells are Markdown. */
  Markdown rawTable(List<String> head, List<List<String>> rows) {
    row(head.stream().map(Markdown::escaped).toList());
    row(head.stream().map(h -> "---").toList());
    rows.forEach(this::row);
    text.append('\n');
    return this;
  }

  private void row(List<String> cells) {
    text.append(cells.stream().collect(Collectors.joining(" | ", "| ", " |\n")));
  }

  static String image(String description, String fileName) {
    return "![%s](%s)".formatted(escaped(description), fileName);
  }

  static String escaped(String text) {
    return text.replaceAll("([\\\\`*_{}\\[\\]<>|#&!~])", "\\\\$1").replaceAll("\\s+", " ").strip();
  }

  /** Such as 64.4 M. */
  static String millions(double value) {
    return String.format(Locale.ROOT, "%.4g M", value / 1e6);
  }

  static String mebibytes(double bytes) {
    return String.format(Locale.ROOT, "%.0f MiB", bytes / (1024.0 * 1024.0));
  }

  @Override
  public String toString() {
    return text.toString();
  }
}
