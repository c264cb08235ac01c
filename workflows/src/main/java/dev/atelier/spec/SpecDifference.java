package dev.atelier.spec;

import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A field in which two specs of a kind differ.
 *
 * @param field its path, such as {@code transformer.width}
 * @param one its value in the first, as users write it
 * @param other in the second
 */
public record SpecDifference(String field, String one, String other) {

  private static final String NOTHING = "none";

  /** All of them, in the order of the fields. */
  public static <T extends Record> List<SpecDifference> between(T one, T other) {
    List<SpecDifference> differences = new ArrayList<>();
    collect("", one, other, differences);
    return differences;
  }

  private static void collect(
      String path, Record one, Record other, List<SpecDifference> differences) {
    for (RecordComponent component : one.getClass().getRecordComponents()) {
      String field = path + component.getName();
      Object first = value(component, one);
      Object second = value(component, other);
      if (first instanceof Record a && second instanceof Record b) {
        collect(field + ".", a, b, differences);
      } else if (!first.equals(second)) {
        differences.add(new SpecDifference(field, text(first), text(second)));
      }
    }
  }

  /** What stands there; of what is not there, a word for it. */
  private static Object value(RecordComponent component, Record record) {
    try {
      component.getAccessor().setAccessible(true);
      Object value = component.getAccessor().invoke(record);
      return value instanceof Optional<?> optional
          ? optional.<Object>map(present -> present).orElse(NOTHING)
          : value;
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e); // records tell what they hold
    }
  }

  private static String text(Object value) {
    if (value instanceof Record) {
      return "given";
    }
    return value instanceof Enum<?> constant ? SpecWord.of(constant) : value.toString();
  }
}
