package dev.atelier.api.export;

import com.fasterxml.jackson.databind.SequenceWriter;
import com.fasterxml.jackson.dataformat.csv.CsvGenerator;
import com.fasterxml.jackson.dataformat.csv.CsvMapper;
import jakarta.ws.rs.core.StreamingOutput;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Rows under named columns as CSV (RFC 4180, UTF-8), written as they come.
 *
 * <p>A text that a spreadsheet would take for a formula gets an apostrophe in front.
 */
public final class Csv implements StreamingOutput {

  /** Media type of the answers. */
  public static final String MEDIA_TYPE = "text/csv";

  /** The same, where JSON is meant unless CSV is asked for. */
  public static final String IF_ASKED_FOR = MEDIA_TYPE + ";charset=UTF-8;qs=0.1";

  // Flushing after each row would send thousands of small packets.
  private static final CsvMapper MAPPER =
      CsvMapper.builder()
          .disable(com.fasterxml.jackson.databind.SerializationFeature.FLUSH_AFTER_WRITE_VALUE)
          .enable(CsvGenerator.Feature.STRICT_CHECK_FOR_QUOTING)
          .build();

  /** Takes one row after the other. */
  public interface Sink {

    /**
     * Takes a row.
     *
     * @param cells text, numbers, truth values, or {@link Optional}s of them, a cell for each
     *     column
     */
    void row(Object... cells) throws IOException;
  }

  /** Where rows come from. */
  public interface Rows {
    void writeTo(Sink sink) throws IOException;
  }

  private final List<String> columns;
  private final Rows rows;

  public Csv(List<String> columns, Rows rows) {
    this.columns = List.copyOf(columns);
    this.rows = rows;
  }

  @Override
  public void write(OutputStream out) throws IOException {
    try (SequenceWriter csv = MAPPER.writer().writeValues(out)) {
      csv.write(columns);
      rows.writeTo(
          cells -> {
            List<Object> row = new ArrayList<>(cells.length);
            for (Object cell : cells) {
              row.add(written(cell));
            }
            csv.write(row);
          });
    }
  }

  private static Object written(Object cell) {
    Object value = cell instanceof Optional<?> maybe ? maybe.orElse(null) : cell;
    if (value == null) {
      return "";
    }
    if (value instanceof Number || value instanceof Boolean) {
      return value;
    }
    String text = value.toString();
    return !text.isEmpty() && "=+-@\t\r".indexOf(text.charAt(0)) >= 0 ? "'" + text : text;
  }
}
