package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonProperty;

/** The words that specs have for the constants of enums. */
public final class SpecWord {

  private SpecWord() {}

  /** A constant as users write it: its {@link JsonProperty}. */
  public static String of(Enum<?> constant) {
    try {
      return constant
          .getDeclaringClass()
          .getField(constant.name())
          .getAnnotation(JsonProperty.class)
          .value();
    } catch (NoSuchFieldException e) {
      throw new IllegalStateException(e);
    }
  }
}
