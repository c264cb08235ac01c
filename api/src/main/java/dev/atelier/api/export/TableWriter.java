package dev.atelier.api.export;

import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.MultivaluedMap;
import jakarta.ws.rs.ext.MessageBodyWriter;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.annotation.Annotation;
import java.lang.reflect.Type;

/** Writes tables, and nothing else, as bodies of answers. */
abstract class TableWriter implements MessageBodyWriter<Table> {

  private final WholeAnswer answer;

  TableWriter(WholeAnswer answer) {
    this.answer = answer;
  }

  /** Writes the table, and closes nothing. */
  abstract void write(Table table, OutputStream out) throws IOException;

  @Override
  public final boolean isWriteable(
      Class<?> type, Type generic, Annotation[] annotations, MediaType to) {
    return type == Table.class;
  }

  @Override
  public final void writeTo(
      Table table,
      Class<?> type,
      Type generic,
      Annotation[] annotations,
      MediaType to,
      MultivaluedMap<String, Object> headers,
      OutputStream out)
      throws IOException {
    answer.write(out, body -> write(table, body));
  }
}
