package dev.atelier.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Columns of text: the first to the left, the others to the right unless they are words. */
public final class TextTable {

  private final List<List<String>> rows = new ArrayList<>();

  private final boolean numbers; // to the right

  public TextTable(String... titles) {
    this(true, titles);
  }

  private TextTable(boolean numbers, String... titles) {
    this.numbers = numbers;
    rows.add(List.of(titles));
  }

  /** Every column to the left: words, not numbers. */
  static TextTable toTheLeft(String... titles) {
    return new TextTable(false, titles);
  }

  /** Adds a row, with a cell for each title. */
  public TextTable row(String... cells) {
    rows.add(Stream.of(cells).map(Printable::line).toList()); // as wide as it will be shown
    return this;
  }

  /** The table, a line for each row. */
  public List<String> lines() {
    List<Integer> widths =
        IntStream.range(0, rows.get(0).size())
            .mapToObj(
                column -> rows.stream().mapToInt(row -> row.get(column).length()).max().orElse(0))
            .toList();
    List<String> lines = new ArrayList<>(rows.stream().map(row -> line(row, widths)).toList());
    lines.add(1, String.join("  ", widths.stream().map("─"::repeat).toList()));
    return lines;
  }

  private String line(List<String> row, List<Integer> widths) {
    List<String> cells = new ArrayList<>();
    for (int column = 0; column < row.size(); column++) {
      String padding = " ".repeat(widths.get(column) - row.get(column).length());
      cells.add(column == 0 || !numbers ? row.get(column) + padding : padding + row.get(column));
    }
    return String.join("  ", cells).stripTrailing();
  }
}
