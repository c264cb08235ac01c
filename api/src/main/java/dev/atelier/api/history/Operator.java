package dev.atelier.api.history;

import java.util.Arrays;

/** How a query compares. */
public enum Operator {
  EQUAL("="),
  NOT_EQUAL("!="),
  LESS("<"),
  AT_MOST("<="),
  GREATER(">"),
  AT_LEAST(">="),
  CONTAINS("~"); // text alone, whatever the case

  private final String sign;

  Operator(String sign) {
    this.sign = sign;
  }

  /** As people write it. */
  public String sign() {
    return sign;
  }

  static Operator of(String sign) {
    return Arrays.stream(values())
        .filter(operator -> operator.sign.equals(sign))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("'%s' compares nothing.".formatted(sign)));
  }
}
