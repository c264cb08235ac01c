package dev.atelier.dataset;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.atelier.dataset.DuckTable.Column;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The rows of a Parquet file with images: a column {@code STRUCT(bytes BLOB, path VARCHAR)} as
 * Hugging Face has it, or a {@code BLOB}; its columns of texts are the captions.
 */
final class ParquetImages implements SourceFiles {

  private static final JsonMapper JSON = new JsonMapper();

  private final Path file;
  private final ArchiveLimits limits;
  private final Tables.Names names;

  ParquetImages(Path file, ArchiveLimits limits, Tables.Names names) {
    this.file = file;
    this.limits = limits;
    this.names = names;
  }

  private static boolean isImage(Column column) {
    return column.type().equals("BLOB")
        || column.type().matches("STRUCT\\(.*\\b\"?bytes\"? BLOB\\b.*\\)");
  }

  @Override
  public void forEach(Visitor visitor) throws IOException {
    try (DuckTable table = DuckTable.open(file)) {
      forEach(table, visitor);
    }
  }

  private void forEach(DuckTable table, Visitor visitor) throws IOException {
    List<Column> columns = table.columns();
    Column image =
        columns.stream()
            .filter(ParquetImages::isImage)
            .findFirst()
            .orElseThrow(
                () ->
                    new IOException(
                        "'%s' has no column of images: expected a struct with the field bytes, or a blob, found %s."
                            .formatted(table.shown(), DuckTable.shown(columns))));
    String bytes = image.type().equals("BLOB") ? image.quoted() : image.quoted() + ".bytes";
    List<Column> texts = columns.stream().filter(Column::isText).toList();
    ArchiveGuard counts = new ArchiveGuard(limits, Files.size(file));
    long rows = table.count();
    try (DuckTable.Rows images = table.rows(List.of(bytes));
        DuckTable.Rows captions = table.rows(texts.stream().map(Column::quoted).toList())) {
      for (long i = 0; i < rows; i++) {
        long row = i;
        String name = "%09d".formatted(i);
        names.count(counts, name);
        visitor.visit(
            new Entry.File(name, -1),
            () -> counts.counting(new ByteArrayInputStream(images.blob(row))));
        if (!texts.isEmpty()) {
          visitor.visit(
              new Entry.File(Tables.captionsOf(name), -1),
              () -> new ByteArrayInputStream(json(texts, captions, row)));
        }
      }
    }
  }

  private static byte[] json(List<Column> texts, DuckTable.Rows rows, long row) throws IOException {
    Map<String, List<String>> fields = new LinkedHashMap<>();
    for (int i = 0; i < texts.size(); i++) {
      String name = texts.get(i).name();
      rows.texts(row, i).ifPresent(found -> fields.put(name, found));
    }
    try {
      return JSON.writeValueAsBytes(fields);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e); // strings always have a JSON form
    }
  }
}
