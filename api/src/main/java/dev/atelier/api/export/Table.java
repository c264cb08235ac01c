package dev.atelier.api.export;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.api.spec.SpecJson;
import java.io.IOException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

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

  /** A part of a list, and where the next one begins. */
  public interface Page<R extends Record> {
    List<R> items();

    Optional<String> nextCursor();
  }

  /** A list that comes as one page. */
  public static <R extends Record> Table of(Class<R> type, List<R> items) {
    return of(
        type,
        start ->
            new Page<>() {
              @Override
              public List<R> items() {
                return items;
              }

              @Override
              public Optional<String> nextCursor() {
                return Optional.empty();
              }
            });
  }

  /**
   * A whole list with a column for each component of its records; what is no text, number or
   * instant becomes JSON.
   *
   * @param pageFrom gives the page that begins at a cursor, or the first, which it is asked for at
   *     once: what it throws is the answer
   */
  public static <R extends Record> Table of(
      Class<R> type, Function<Optional<String>, Page<R>> pageFrom) {
    List<RecordComponent> components = List.of(type.getRecordComponents());
    List<Column> columns =
        components.stream().map(c -> new Column(c.getName(), kindOf(c.getGenericType()))).toList();
    return of(
        columns,
        row -> {
          Object[] cells = new Object[columns.size()];
          for (int c = 0; c < cells.length; c++) {
            cells[c] = cell(components.get(c), columns.get(c).kind(), row);
          }
          return cells;
        },
        pageFrom);
  }

  /**
   * A whole list under columns of one's own.
   *
   * @param cellsOf the cells of a row
   * @param pageFrom as of {@link #of(Class, Function)}
   */
  public static <R extends Record> Table of(
      List<Column> columns,
      Function<R, Object[]> cellsOf,
      Function<Optional<String>, Page<R>> pageFrom) {
    Page<R> first = pageFrom.apply(Optional.empty()); // before the answer has a status
    return new Table(
        columns,
        sink -> {
          Optional<Page<R>> page = Optional.of(first);
          while (page.isPresent()) {
            for (R row : page.get().items()) {
              sink.row(cellsOf.apply(row));
            }
            page = page.get().nextCursor().map(Optional::of).map(pageFrom);
          }
        });
  }

  private static Kind kindOf(Type type) {
    if (type instanceof ParameterizedType generic && generic.getRawType() == Optional.class) {
      return kindOf(generic.getActualTypeArguments()[0]);
    }
    if (type == int.class || type == long.class || type == Integer.class || type == Long.class) {
      return Kind.INTEGER;
    }
    if (type == double.class || type == Double.class) {
      return Kind.REAL;
    }
    return type == Instant.class ? Kind.TIME : Kind.TEXT;
  }

  private static Object cell(RecordComponent component, Kind kind, Record row) {
    try {
      Object value = component.getAccessor().invoke(row);
      return kind == Kind.TEXT ? content(value).map(Table::text) : value;
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("Cannot read " + component, e);
    }
  }

  private static String text(Object value) {
    JsonNode json = SpecJson.tree(value);
    return json.isTextual() ? json.asText() : json.toString();
  }

  /** What is in a cell, if there is something. */
  static Optional<Object> content(Object cell) {
    return cell instanceof Optional<?> maybe ? maybe.map(Object.class::cast) : Optional.of(cell);
  }
}
