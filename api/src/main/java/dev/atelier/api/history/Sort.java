package dev.atelier.api.history;

import dev.atelier.spec.SpecFault;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;

/**
 * The order of a list: by a field, experiments without it last, equal ones newest id first.
 *
 * @param text as people write it, such as {@code -distance}
 */
public record Sort(String text, QueryField field, boolean descending) {

  /** Newest first. */
  public static final Sort NEWEST = new Sort("-created", QueryField.Own.CREATED, true);

  /** Reads a field's name, with a minus sign in front for the greatest first. */
  public static Sort parse(String parameter, String text, List<SpecFault> faults) {
    boolean descending = text.startsWith("-");
    String name = descending ? text.substring(1) : text;
    Optional<QueryField> field =
        QueryField.named(name).filter(found -> found.kind() != QueryField.Kind.JSON);
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

  /** Whether what is sorted by is a time. */
  public boolean byTime() {
    return field.kind() == QueryField.Kind.TIME;
  }

  /** Whether the cursor's value is one of this field's. */
  boolean fits(Cursor cursor) {
    try {
      cursor.value().ifPresent(this::read);
      return cursor.sort().equals(text);
    } catch (IllegalArgumentException | DateTimeException e) {
      return false;
    }
  }

  /** A value of the field as a cursor keeps it: text, a number or a time. */
  public Object read(String value) {
    return switch (field.kind()) {
      case TEXT, STAGE, JSON -> value;
      case NUMBER -> Double.valueOf(value);
      case TIME -> HistoryQuery.storable(Instant.parse(value).atOffset(ZoneOffset.UTC));
    };
  }

  /** What {@link #read} reads. */
  public static Optional<String> written(Object value) {
    return Optional.ofNullable(value)
        .map(v -> v instanceof OffsetDateTime time ? time.toInstant().toString() : v.toString());
  }
}
