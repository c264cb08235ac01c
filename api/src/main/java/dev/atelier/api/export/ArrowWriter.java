package dev.atelier.api.export;

import jakarta.ws.rs.Produces;
import jakarta.ws.rs.ext.Provider;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float8Vector;
import org.apache.arrow.vector.TimeStampMicroTZVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;

/** Tables in Arrow's streaming format, which pandas, Polars, DuckDB and R read with their types. */
@Provider
@Produces(Table.ARROW)
public class ArrowWriter extends TableWriter {

  private static final int ROWS_PER_BATCH = 4096;

  ArrowWriter(WholeAnswer answer) {
    super(answer);
  }

  @Override
  void write(Table table, OutputStream out) throws IOException {
    Schema schema =
        new Schema(
            table.columns().stream()
                .map(column -> Field.nullable(column.name(), arrowType(column.kind())))
                .toList());
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot batch = VectorSchemaRoot.create(schema, allocator)) {
      // Not closed: that would write the end also of what has failed. It has no dictionaries.
      ArrowStreamWriter writer = new ArrowStreamWriter(batch, null, Channels.newChannel(out));
      writer.start();
      table
          .rows()
          .writeTo(
              cells -> {
                int row = batch.getRowCount();
                for (int c = 0; c < cells.length; c++) {
                  set(batch.getVector(c), row, cells[c]);
                }
                batch.setRowCount(row + 1);
                if (row + 1 == ROWS_PER_BATCH) {
                  writer.writeBatch();
                  batch.clear();
                }
              });
      if (batch.getRowCount() > 0) {
        writer.writeBatch();
      }
      writer.end();
    }
  }

  private static ArrowType arrowType(Table.Kind kind) {
    return switch (kind) {
      case TEXT -> new ArrowType.Utf8();
      case INTEGER -> new ArrowType.Int(64, true);
      case REAL -> new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE);
      case TIME -> new ArrowType.Timestamp(TimeUnit.MICROSECOND, "UTC");
    };
  }

  private static void set(FieldVector column, int row, Object cell) {
    Table.content(cell)
        .ifPresentOrElse(content -> fill(column, row, content), () -> column.setNull(row));
  }

  private static void fill(FieldVector column, int row, Object content) {
    if (column instanceof BigIntVector integers) {
      integers.setSafe(row, ((Number) content).longValue());
    } else if (column instanceof Float8Vector reals) {
      reals.setSafe(row, ((Number) content).doubleValue());
    } else if (column instanceof TimeStampMicroTZVector times) {
      times.setSafe(row, ChronoUnit.MICROS.between(Instant.EPOCH, (Instant) content));
    } else if (column instanceof VarCharVector texts) {
      texts.setSafe(row, content.toString().getBytes(StandardCharsets.UTF_8));
    }
  }
}
