package dev.atelier.dataset;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.stream.Collectors;

/**
 * The rows of a Parquet file with images: a column {@code STRUCT(bytes BLOB, path VARCHAR)} as
 * Hugging Face has it, or a {@code BLOB}; its columns of texts are the captions. Read by DuckDB,
 * which is told to fetch nothing and to read no other file; rows stream by.
 */
final class ParquetImages implements SourceFiles {

  static final long MEMORY_BYTES = 1L << 30; // of a row group, decoded

  private static final String MAGIC = "PAR1";
  private static final int MOST_NAMED = 20; // columns in a sentence
  private static final JsonMapper JSON = new JsonMapper();

  private final Path file;
  private final ArchiveLimits limits;

  ParquetImages(Path file, ArchiveLimits limits) {
    this.file = file;
    this.limits = limits;
  }

  private record Column(String name, String type) {
    /** How the bytes of an image are asked for. */
    String bytes() {
      return type.equals("BLOB") ? quoted(name) : quoted(name) + ".bytes";
    }

    boolean isImage() {
      return type.equals("BLOB") || type.matches("STRUCT\\(.*\\b\"?bytes\"? BLOB\\b.*\\)");
    }

    boolean isText() {
      return type.equals("VARCHAR") || type.equals("VARCHAR[]");
    }
  }

  @Override
  public void forEach(Visitor visitor) throws IOException {
    if (!Tables.startsWith(file, 0, MAGIC)) {
      throw new IOException(
          "'%s' is no Parquet file: expected it to begin with PAR1."
              .formatted(EntryName.shown(EntryName.of(file.getFileName()))));
    }
    Path folder = Files.createTempDirectory("parquet-");
    // A name of its own: DuckDB reads patterns and addresses in names.
    Path plain = Files.createSymbolicLink(folder.resolve("images.parquet"), file.toRealPath());
    try (Connection database = open(plain);
        Statement statement = database.createStatement()) {
      forEach(database, statement, visitor);
    } catch (SQLException e) {
      throw damaged(e);
    } finally {
      Files.deleteIfExists(plain);
      Files.deleteIfExists(folder);
    }
  }

  private void forEach(Connection database, Statement statement, Visitor visitor)
      throws SQLException, IOException {
    List<Column> columns = columns(statement);
    Column image =
        columns.stream()
            .filter(Column::isImage)
            .findFirst()
            .orElseThrow(
                () ->
                    new IOException(
                        "'%s' has no column of images: expected a struct with the field bytes, or a blob, found %s."
                            .formatted(
                                EntryName.shown(EntryName.of(file.getFileName())),
                                columns.stream()
                                    .limit(MOST_NAMED)
                                    .map(column -> column.name() + " " + column.type())
                                    .collect(Collectors.joining(", ")))));
    List<Column> texts = columns.stream().filter(Column::isText).toList();
    ArchiveGuard counts = new ArchiveGuard(limits, Files.size(file));
    long rows;
    try (ResultSet count = statement.executeQuery("select count(*) from images")) {
      count.next();
      rows = count.getLong(1);
    }
    try (Rows images = new Rows(database, List.of(image.bytes()));
        Rows captions =
            new Rows(database, texts.stream().map(column -> quoted(column.name())).toList())) {
      for (long i = 0; i < rows; i++) {
        long row = i;
        String name = "%09d".formatted(i);
        counts.entry(name);
        visitor.visit(
            new Entry.File(name, -1), () -> counts.counting(content(() -> images.blob(row))));
        if (!texts.isEmpty()) {
          visitor.visit(
              new Entry.File(Tables.captionsOf(name), -1),
              () -> content(() -> json(texts, captions, row)));
        }
      }
    }
  }

  @FunctionalInterface
  private interface Cell {
    byte[] read() throws SQLException;
  }

  private InputStream content(Cell cell) throws IOException {
    try {
      return new ByteArrayInputStream(cell.read());
    } catch (SQLException e) {
      throw damaged(e);
    }
  }

  private IOException damaged(SQLException e) {
    String said = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    return new IOException(
        "'%s' cannot be read as Parquet: %s"
            .formatted(
                EntryName.shown(EntryName.of(file.getFileName())),
                said.substring(0, Math.min(said.length(), 300))),
        e);
  }

  private static Connection open(Path plain) throws SQLException {
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
      statement.execute(
          "create view images as select * from read_parquet('%s', hive_partitioning = false)"
              .formatted(path));
    } catch (SQLException e) {
      database.close();
      throw e;
    }
    return database;
  }

  private static List<Column> columns(Statement statement) throws SQLException {
    List<Column> columns = new ArrayList<>();
    try (ResultSet found = statement.executeQuery("describe images")) {
      while (found.next()) {
        columns.add(new Column(found.getString(1), found.getString(2)));
      }
    }
    return columns;
  }

  private static String quoted(String name) {
    return '"' + name.replace("\"", "\"\"") + '"';
  }

  private static byte[] json(List<Column> texts, Rows rows, long row) throws SQLException {
    ResultSet cells = rows.at(row);
    Map<String, Object> fields = new LinkedHashMap<>();
    for (int i = 0; i < texts.size(); i++) {
      Object value = cells.getObject(i + 1);
      if (value instanceof Array array) {
        fields.put(
            texts.get(i).name(),
            Arrays.stream((Object[]) array.getArray()).filter(Objects::nonNull).toList());
      } else if (value != null) {
        fields.put(texts.get(i).name(), value);
      }
    }
    try {
      return JSON.writeValueAsBytes(fields);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e); // strings always have a JSON form
    }
  }

  /** Some columns of all rows, read as far as they are asked for. */
  private static final class Rows implements AutoCloseable {
    private final Connection database;
    private final List<String> columns;
    private Connection own;
    private Statement statement;
    private ResultSet rows;
    private long at = -1;

    Rows(Connection database, List<String> columns) {
      this.database = database;
      this.columns = columns;
    }

    /** The row of that number, from 0; none before the last one asked for. */
    ResultSet at(long row) throws SQLException {
      if (rows == null) {
        // A connection has one result that streams.
        own = database.unwrap(org.duckdb.DuckDBConnection.class).duplicate();
        statement = own.createStatement();
        rows =
            statement.executeQuery("select %s from images".formatted(String.join(", ", columns)));
      }
      for (; at < row; at++) {
        if (!rows.next()) {
          throw new SQLException("it ends early, at row %d".formatted(at + 1));
        }
      }
      return rows;
    }

    byte[] blob(long row) throws SQLException {
      byte[] bytes = at(row).getBytes(1);
      return bytes == null ? new byte[0] : bytes;
    }

    @Override
    public void close() throws SQLException {
      if (rows != null) {
        rows.close();
        statement.close();
        own.close();
      }
    }
  }
}
