package dev.atelier.api.export;

import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * Rows under named columns, made as they are written: as CSV ({@link CsvWriter}) or in Arrow's
 * format ({@link ArrowWriter}).
 */
public record Table(List<Column> columns, Rows rows) {

  /** Media type of the answers as CSV. */
  public static final String CSV = "text/csv";

  /** Media type of the answers in Arrow's streaming format. */
  public static final String ARROW = "application/vnd.apache.arrow.stream";

  /** {@link #CSV}, where JSON is meant unless it is asked for. */
  public static final String CSV_IF_ASKED_FOR = CSV + ";charset=UTF-8;qs=0.1";

  /** {@link #ARROW}, where JSON is meant unless it is asked for. */
  public static final String ARROW_IF_ASKED_FOR = ARROW + ";qs=0.1";

  /** What a column holds. */
  public enum Kind {
    TEXT,
    INTEGER,
    REAL,
    TIME
  }

  /** A column; every cell of it may be absent. */
  public record Column(String name, Kind kind) {

    public static Column text(String name) {
      return new Column(name, Kind.TEXT);
    }

    public static Column integer(String name) {
      return new Column(name, Kind.INTEGER);
    }

    public static Column real(String name) {
      return new Column(name, Kind.REAL);
    }

    public static Column time(String name) {
      return new Column(name, Kind.TIME);
    }
  }

  /** Takes one row after the other. */
  public interface Sink {

    /**
     * Takes a row.
     *
     * @param cells one for each column: text, a number or an instant, as its kind says; {@link
     *     Optional}s of them where one may be absent
     */
    void row(Object... cells) throws IOException;
  }

  /** Where rows come from. */
  public interface Rows {
    void writeTo(Sink sink) throws IOException;
  }

  public Table {
    columns = List.copyOf(columns);
  }

  /** What is in a cell, if there is something. */
  static Optional<Object> content(Object cell) {
    return cell instanceof Optional<?> maybe ? maybe.map(Object.class::cast) : Optional.of(cell);
  }
}
