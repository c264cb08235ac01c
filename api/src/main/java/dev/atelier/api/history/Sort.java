package dev.atelier.api.history;

import dev.atelier.spec.SpecFault;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The order of a list: by a field, experiments without it last, equal ones newest id first.
 *
 * @param text as people write it, such as {@code -distance}
 */
public record Sort(String text, QueryField field, boolean descending) {

  /** Newest first. */
  public static final Sort NEWEST = new Sort("-created", QueryField.CREATED, true);

  /** Reads a field's name, with a minus sign in front for the greatest first. */
  public static Sort parse(String parameter, String text, List<SpecFault> faults) {
    boolean descending = text.startsWith("-");
    String name = descending ? text.substring(1) : text;
    Optional<QueryField> field =
        QueryField.named(name, 0).filter(found -> found.kind() != QueryField.Kind.JSON);
    if (field.isEmpty()) {
      faults.add(
          new SpecFault(
              parameter,
              "must name a field, with - in front for the greatest first, such as -created or distance; found '%s'."
                  .formatted(text)));
      return NEWEST;
    }
    return new Sort(text, field.get(), descending);
  }

  /** Of {@code order by}. */
  public String orderBy() {
    String direction = descending ? "desc" : "asc";
    return field.equals(QueryField.CREATED)
        ? "e.created_at %1$s, e.id %1$s".formatted(direction) // as the index has it
        : "%1$s %2$s nulls last, e.id desc".formatted(field.sql(), direction);
  }

  /** The SQL of what is sorted by. */
  public String sql() {
    return field.sql();
  }

  /** Whether what is sorted by is a time. */
  public boolean byTime() {
    return field.kind() == QueryField.Kind.TIME;
  }

  /** What holds for the rows after the cursor. */
  public HistoryQuery after(Cursor cursor) {
    String sql = field.sql();
    String beyond = descending ? "<" : ">";
    if (cursor.value().isEmpty()) {
      return where(
          "(%s is null and e.id < :afterId)".formatted(sql), Map.of("afterId", cursor.id()));
    }
    Map<String, Object> values =
        Map.of("afterId", cursor.id(), "afterValue", typed(cursor.value().get()));
    return where(
        field.equals(QueryField.CREATED)
            ? "(e.created_at, e.id) %s (:afterValue, :afterId)".formatted(beyond)
            : "(%1$s %2$s :afterValue or (%1$s = :afterValue and e.id < :afterId) or %1$s is null)"
                .formatted(sql, beyond),
        values);
  }

  private HistoryQuery where(String condition, Map<String, Object> values) {
    return new HistoryQuery(List.of(condition), field.joins(), values).and(own());
  }

  /** What the field itself needs. */
  public HistoryQuery own() {
    return new HistoryQuery(List.of(), field.joins(), field.values());
  }

  /** Whether the cursor's value is one of this field's. */
  boolean fits(Cursor cursor) {
    try {
      cursor.value().ifPresent(this::typed);
      return cursor.sort().equals(text);
    } catch (IllegalArgumentException | DateTimeException e) {
      return false;
    }
  }

  private Object typed(String value) {
    return switch (field.kind()) {
      case TEXT, STAGE, JSON -> value;
      case NUMBER -> Double.valueOf(value);
      case TIME -> HistoryQuery.storable(Instant.parse(value).atOffset(ZoneOffset.UTC));
    };
  }

  /** A value of the field, as a cursor keeps it. */
  public static Optional<String> written(Object value) {
    return Optional.ofNullable(value)
        .map(v -> v instanceof OffsetDateTime time ? time.toInstant().toString() : v.toString());
  }
}
