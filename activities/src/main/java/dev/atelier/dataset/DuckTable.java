package dev.atelier.dataset;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Array;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.Properties;
import java.util.stream.Collectors;
import org.duckdb.DuckDBConnection;

/**
 * A file of rows, Parquet or CSV, read by DuckDB, which is told to fetch nothing, to load nothing
 * and to read no other file. Rows stream by.
 */
final class DuckTable implements AutoCloseable {

  static final long MEMORY_BYTES = 1L << 30; // of a row group, decoded

  static final String PARQUET = ".parquet";
  static final String CSV = ".csv";

  private static final String MAGIC = "PAR1";
  private static final int MOST_NAMED = 20; // columns in a sentence

  /** A column as DuckDB describes it. */
  record Column(String name, String type) {
    boolean isText() {
      return type.equals("VARCHAR") || type.equals("VARCHAR[]");
    }

    String quoted() {
      return '"' + name.replace("\"", "\"\"") + '"';
    }
  }

  private final String shown;
  private final Path folder;
  private final Path plain;
  private final Connection database;
  private final Statement statement;

  private DuckTable(String shown, Path folder, Path plain, String reader) throws SQLException {
    this.shown = shown;
    this.folder = folder;
    this.plain = plain;
    this.database = open(plain, reader);
    this.statement = database.createStatement();
  }

  /**
   * Opens a file, which is Parquet or CSV by its name.
   *
   * @throws IOException if it cannot be read as that; says why
   */
  static DuckTable open(Path file) throws IOException {
    String name = EntryName.of(file.getFileName());
    boolean isParquet = name.toLowerCase(Locale.ROOT).endsWith(PARQUET);
    if (isParquet && !Tables.startsWith(file, 0, MAGIC)) {
      throw new IOException(
          "'%s' is no Parquet file: expected it to begin with PAR1."
              .formatted(EntryName.shown(name)));
    }
    Path folder = Files.createTempDirectory("rows-");
    Path plain = folder.resolve("rows" + (isParquet ? PARQUET : CSV));
    try {
      // A name of its own: DuckDB reads patterns and addresses in names.
      Files.createSymbolicLink(plain, file.toRealPath());
      return new DuckTable(
          EntryName.shown(name),
          folder,
          plain,
          isParquet
              ? "read_parquet('%s', hive_partitioning = false)"
              : "read_csv('%s', header = true, all_varchar = true)");
    } catch (SQLException e) {
      delete(folder, plain);
      throw damaged(EntryName.shown(name), e);
    }
  }

  private static Connection open(Path plain, String reader) throws SQLException {
    Properties settings = new Properties();
    settings.setProperty("jdbc_stream_results", "true");
    settings.setProperty("threads", "1");
    settings.setProperty("memory_limit", "%dMB".formatted(MEMORY_BYTES >> 20));
    settings.setProperty("autoinstall_known_extensions", "false");
    settings.setProperty("autoload_known_extensions", "false");
    Connection database = DriverManager.getConnection("jdbc:duckdb:", settings);
    try (Statement statement = database.createStatement()) {
      String path = plain.toString().replace("'", "''");
      statement.execute("set allowed_paths = ['%s']".formatted(path));
      statement.execute("set enable_external_access = false");
      statement.execute("set lock_configuration = true");
      statement.execute("create view rows as select * from " + reader.formatted(path));
    } catch (SQLException e) {
      database.close();
      throw e;
    }
    return database;
  }

  /** The columns, in their order. */
  List<Column> columns() throws IOException {
    List<Column> columns = new ArrayList<>();
    try (ResultSet found = statement.executeQuery("describe rows")) {
      while (found.next()) {
        columns.add(new Column(found.getString(1), found.getString(2)));
      }
      return columns;
    } catch (SQLException e) {
      throw damaged(e);
    }
  }

  /** The first columns as a sentence has them. */
  static String shown(List<Column> columns) {
    return columns.stream()
        .limit(MOST_NAMED)
        .map(column -> column.name() + " " + column.type())
        .collect(Collectors.joining(", "));
  }

  /** What DuckDB says of one of its settings. */
  String setting(String name) throws IOException {
    try (ResultSet value =
        statement.executeQuery("select current_setting('%s')::varchar".formatted(name))) {
      value.next();
      return value.getString(1);
    } catch (SQLException e) {
      throw damaged(e);
    }
  }

  /** How many rows there are. */
  long count() throws IOException {
    try (ResultSet count = statement.executeQuery("select count(*) from rows")) {
      count.next();
      return count.getLong(1);
    } catch (SQLException e) {
      throw damaged(e);
    }
  }

  /** Some columns of all rows, read as far as they are asked for. */
  Rows rows(List<String> columns) {
    return new Rows(columns);
  }

  String shown() {
    return shown;
  }

  private IOException damaged(SQLException e) {
    return damaged(shown, e);
  }

  private static IOException damaged(String shown, SQLException e) {
    String said = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    return new IOException(
        "'%s' cannot be read as %s: %s"
            .formatted(
                shown,
                shown.toLowerCase(Locale.ROOT).endsWith(PARQUET) ? "Parquet" : "CSV",
                said.substring(0, Math.min(said.length(), 300))),
        e);
  }

  /** Columns of the rows, in the order of the file. */
  final class Rows implements AutoCloseable {
    private final List<String> columns;
    private Connection own;
    private Statement asked;
    private ResultSet rows;
    private long at = -1;

    private Rows(List<String> columns) {
      this.columns = columns;
    }

    private ResultSet at(long row) throws SQLException {
      if (rows == null) {
        // A connection has one result that streams.
        own = database.unwrap(DuckDBConnection.class).duplicate();
        asked = own.createStatement();
        rows = asked.executeQuery("select %s from rows".formatted(String.join(", ", columns)));
      }
      for (; at < row; at++) {
        if (!rows.next()) {
          throw new SQLException("it ends early, at row %d".formatted(at + 1));
        }
      }
      return rows;
    }

    /** The bytes of the first column in a row, from 0; none before the last one asked for. */
    byte[] blob(long row) throws IOException {
      try {
        byte[] bytes = at(row).getBytes(1);
        return bytes == null ? new byte[0] : bytes;
      } catch (SQLException e) {
        throw damaged(e);
      }
    }

    /** The text or texts of a column in a row, from 0; empty: it is null. */
    Optional<List<String>> texts(long row, int column) throws IOException {
      try {
        Object value = at(row).getObject(column + 1);
        if (value instanceof Array array) {
          return Optional.of(
              Arrays.stream((Object[]) array.getArray())
                  .filter(Objects::nonNull)
                  .map(Object::toString)
                  .toList());
        }
        return Optional.ofNullable(value).map(text -> List.of(text.toString()));
      } catch (SQLException e) {
        throw damaged(e);
      }
    }

    @Override
    public void close() throws IOException {
      try {
        if (rows != null) {
          rows.close();
          asked.close();
          own.close();
        }
      } catch (SQLException e) {
        throw damaged(e);
      }
    }
  }

  @Override
  public void close() throws IOException {
    try {
      statement.close();
      database.close();
    } catch (SQLException e) {
      throw damaged(e);
    } finally {
      delete(folder, plain);
    }
  }

  private static void delete(Path folder, Path plain) throws IOException {
    Files.deleteIfExists(plain);
    Files.deleteIfExists(folder);
  }
}
