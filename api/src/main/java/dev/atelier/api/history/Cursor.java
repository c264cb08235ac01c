package dev.atelier.api.history;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Optional;

/**
 * The last row of a page; opaque to clients.
 *
 * @param sort the order of the list
 * @param value of the field that it is sorted by; empty: the row has none
 */
public record Cursor(String sort, Optional<String> value, String id) {

  /** As text for clients. */
  public String encode() {
    String text = "%s\n%s\n%s".formatted(id, sort, value.map(v -> "=" + v).orElse(""));
    return Base64.getUrlEncoder()
        .withoutPadding()
        .encodeToString(text.getBytes(StandardCharsets.UTF_8));
  }

  /** Reads what {@link #encode} wrote for this order; empty: it is something else. */
  public static Optional<Cursor> decode(String text, Sort sort) {
    try {
      String[] parts =
          new String(Base64.getUrlDecoder().decode(text), StandardCharsets.UTF_8).split("\n", 3);
      if (parts.length != 3 || text.indexOf('\0') >= 0 || !parts[0].matches("[0-9a-z-]{1,64}")) {
        return Optional.empty();
      }
      Optional<String> value =
          Optional.of(parts[2]).filter(v -> v.startsWith("=")).map(v -> v.substring(1));
      return Optional.of(new Cursor(parts[1], value, parts[0]))
          .filter(cursor -> value.isEmpty() || value.get().indexOf('\0') < 0)
          .filter(sort::fits);
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }
}
