package dev.atelier.workflows.vocabulary;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.atelier.spec.SpecWord;

/** What a study's figures say of a claim. */
public enum Verdict {
  @JsonProperty("holds")
  HOLDS("holds", "the mean keeps the rule, by at least one deviation"),
  @JsonProperty("fails")
  FAILS("does not hold", "the mean breaks the rule, by at least one deviation"),
  @JsonProperty("within-noise")
  WITHIN_NOISE("within the noise", "the mean is less than a deviation from the bound"),
  @JsonProperty("too-few-seeds")
  TOO_FEW_SEEDS("too few seeds to say", "fewer than 3, where more than networks decides the claim"),
  @JsonProperty("not-comparable")
  NOT_COMPARABLE("not comparable", "the claim is of FID, and the features were others"),
  @JsonProperty("not-measured")
  NOT_MEASURED("not measured", "no seed has every figure of the claim yet");

  private final String title;
  private final String description;

  Verdict(String title, String description) {
    this.title = title;
    this.description = description;
  }

  /** Its name in files and over REST. */
  public String word() {
    return SpecWord.of(this);
  }

  /** What people read. */
  public String title() {
    return title;
  }

  public String description() {
    return description;
  }
}
