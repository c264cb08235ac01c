package dev.atelier.dataset;

import dev.atelier.dataset.DuckTable.Column;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Captions in the rows of a table, Parquet or CSV, that name the files of their images. */
final class CaptionTable {

  /** Columns that name an image's file, the first that is there. */
  private static final List<String> FILE_COLUMNS = List.of("file_name", "filename", "path");

  private CaptionTable() {}

  /** Whether a file is one by its name. */
  static boolean isNamed(String name) {
    String lowerCase = name.toLowerCase(Locale.ROOT);
    return lowerCase.endsWith(DuckTable.PARQUET) || lowerCase.endsWith(DuckTable.CSV);
  }

  /**
   * Reads every caption, names as seen from the root of the source.
   *
   * @param column that has them; empty: one of the usual names
   * @throws IOException if it is no table with such columns
   */
  static void read(Path file, Optional<String> column, ImageNames images, CaptionSink sink)
      throws IOException {
    try (DuckTable table = DuckTable.open(file)) {
      List<Column> columns = table.columns();
      Optional<Column> name = first(columns, FILE_COLUMNS).filter(c -> c.type().equals("VARCHAR"));
      Optional<Column> captions =
          first(columns, column.map(List::of).orElse(CaptionJson.USUAL_FIELDS))
              .filter(Column::isText);
      if (name.isEmpty() || captions.isEmpty()) {
        throw new IOException(
            "'%s' has no columns of file names and captions: expected one of %s and %s (dataset.captions.column), found %s."
                .formatted(
                    table.shown(),
                    String.join(", ", FILE_COLUMNS),
                    column
                        .map("'%s'"::formatted)
                        .orElse("one of " + String.join(", ", CaptionJson.USUAL_FIELDS)),
                    DuckTable.shown(columns)));
      }
      read(table, name.get(), captions.get(), images, sink);
    }
  }

  private static void read(
      DuckTable table, Column name, Column captions, ImageNames images, CaptionSink sink)
      throws IOException {
    long count = table.count();
    try (DuckTable.Rows rows = table.rows(List.of(name.quoted(), captions.quoted()))) {
      for (long row = 0; row < count; row++) {
        String from = "%s: row %d".formatted(table.shown(), row + 1);
        Optional<String> image = rows.texts(row, 0).flatMap(texts -> texts.stream().findFirst());
        if (image.isEmpty()) {
          sink.damaged(from);
          continue;
        }
        int slot = images.slot("", image.get());
        for (String caption : rows.texts(row, 1).orElse(List.of(""))) {
          sink.add(slot, caption, from);
        }
      }
    }
  }

  private static Optional<Column> first(List<Column> columns, List<String> names) {
    return names.stream()
        .flatMap(name -> columns.stream().filter(column -> column.name().equals(name)).limit(1))
        .findFirst();
  }
}
