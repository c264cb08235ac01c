package dev.atelier.workflows.scorecard;

import com.fasterxml.jackson.annotation.JsonProperty;

/** What a study's figures say of a claim. */
public enum Verdict {
  @JsonProperty("holds")
  HOLDS("holds"),
  @JsonProperty("fails")
  FAILS("does not hold"),
  @JsonProperty("within-noise")
  WITHIN_NOISE("within the noise"), // the mean is less than a deviation from the bound
  @JsonProperty("too-few-seeds")
  TOO_FEW_SEEDS("too few seeds to say"),
  @JsonProperty("not-comparable")
  NOT_COMPARABLE("not comparable"), // a claim of FID, measured with other features
  @JsonProperty("not-measured")
  NOT_MEASURED("not measured");

  private final String title;

  Verdict(String title) {
    this.title = title;
  }

  /** What people read. */
  public String title() {
    return title;
  }
}
