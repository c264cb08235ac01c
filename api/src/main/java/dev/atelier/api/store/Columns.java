package dev.atelier.api.store;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.api.spec.SpecJson;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Columns of a row that may hold nothing, or that hold JSON or an array. */
public final class Columns {

  private Columns() {}

  public static Optional<Instant> instant(ResultSet row, String column) throws SQLException {
    return Optional.ofNullable(row.getObject(column, OffsetDateTime.class))
        .map(OffsetDateTime::toInstant);
  }

  /** Empty also for what is no finite number. */
  public static Optional<Double> finite(ResultSet row, String column) throws SQLException {
    double value = row.getDouble(column);
    return row.wasNull() || !Double.isFinite(value) ? Optional.empty() : Optional.of(value);
  }

  public static Optional<Long> whole(ResultSet row, String column) throws SQLException {
    long value = row.getLong(column);
    return row.wasNull() ? Optional.empty() : Optional.of(value);
  }

  public static Optional<String> text(ResultSet row, String column) throws SQLException {
    return Optional.ofNullable(row.getString(column));
  }

  /** Of an array that is there. */
  public static List<String> texts(ResultSet row, String column) throws SQLException {
    return Arrays.asList((String[]) row.getArray(column).getArray());
  }

  /** Of a JSON object that is there, by name. */
  public static Map<String, String> namedTexts(ResultSet row, String column) throws SQLException {
    Map<String, String> texts = new TreeMap<>();
    SpecJson.read(row.getString(column), JsonNode.class)
        .properties()
        .forEach(field -> texts.put(field.getKey(), field.getValue().asText()));
    return texts;
  }

  /** Of a JSON object that is there, by name. */
  public static Map<String, Double> namedNumbers(ResultSet row, String column) throws SQLException {
    Map<String, Double> numbers = new TreeMap<>();
    SpecJson.read(row.getString(column), JsonNode.class)
        .properties()
        .forEach(field -> numbers.put(field.getKey(), field.getValue().asDouble()));
    return numbers;
  }
}
