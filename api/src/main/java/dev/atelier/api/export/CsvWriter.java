package dev.atelier.api.export;

import com.fasterxml.jackson.databind.SequenceWriter;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.dataformat.csv.CsvGenerator;
import com.fasterxml.jackson.dataformat.csv.CsvMapper;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.ext.Provider;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;

/**
 * Tables as CSV (RFC 4180, UTF-8).
 *
 * <p>A text that a spreadsheet would take for a formula gets an apostrophe in front.
 */
@Provider
@Produces(Table.CSV)
public class CsvWriter extends TableWriter {

  // Flushing after each row would send thousands of small packets.
  private static final CsvMapper MAPPER =
      CsvMapper.builder()
          .disable(SerializationFeature.FLUSH_AFTER_WRITE_VALUE)
          .enable(CsvGenerator.Feature.STRICT_CHECK_FOR_QUOTING)
          .build();

  CsvWriter(WholeAnswer answer) {
    super(answer);
  }

  @Override
  void write(Table table, OutputStream out) throws IOException {
    // Only what is whole is closed.
    SequenceWriter csv = MAPPER.writer().writeValues(out);
    csv.write(table.columns().stream().map(Table.Column::name).toList());
    table
        .rows()
        .writeTo(
            cells -> {
              List<Object> row = new ArrayList<>(cells.length);
              for (Object cell : cells) {
                row.add(Table.content(cell).map(CsvWriter::written).orElse(""));
              }
              csv.write(row);
            });
    csv.close();
  }

  private static Object written(Object content) {
    if (content instanceof Number || content instanceof Boolean) {
      return content;
    }
    String text = content.toString();
    return !text.isEmpty() && "=+-@\t\r".indexOf(text.charAt(0)) >= 0 ? "'" + text : text;
  }
}
