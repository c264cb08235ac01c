package dev.atelier.workflows;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/**
 * The name of a model within its experiment: {@code teacher}, {@code student-<k>} with k from 1,
 * {@code one-to-one} for the baseline student, or {@code merged-<m>} with m from 1.
 */
public record ModelKey(@JsonValue String value) {

  private static final Pattern FORM =
      Pattern.compile("teacher|one-to-one|(student|merged)-[1-9][0-9]{0,3}");

  public static final ModelKey TEACHER = new ModelKey("teacher");
  public static final ModelKey ONE_TO_ONE = new ModelKey("one-to-one");

  @JsonCreator
  public ModelKey {
    if (!FORM.matcher(value).matches()) {
      throw new IllegalArgumentException(
          "Unknown model '%s': expected teacher, one-to-one, student-<k> or merged-<m> with k and m from 1."
              .formatted(value));
    }
  }

  public static ModelKey student(int k) {
    return new ModelKey("student-" + k);
  }

  public static ModelKey merged(int m) {
    return new ModelKey("merged-" + m);
  }

  /** The number of a student, from 1; empty for other models. */
  public OptionalInt student() {
    return value.startsWith("student-")
        ? OptionalInt.of(Integer.parseInt(value.substring("student-".length())))
        : OptionalInt.empty();
  }

  @Override
  public String toString() {
    return value;
  }
}
