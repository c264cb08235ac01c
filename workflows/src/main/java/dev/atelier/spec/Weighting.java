package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonProperty;

/** How much the error of a sample counts by its t. */
public enum Weighting {
  @JsonProperty("none")
  NONE(0), // all alike
  @JsonProperty("min-snr")
  MIN_SNR(5), // Hang et al. 2023
  @JsonProperty("p2")
  P2(1); // Choi et al. 2022, with k = 1

  private final double usualGamma;

  Weighting(double usualGamma) {
    this.usualGamma = usualGamma;
  }

  /** Its parameter where a spec has none. */
  public double usualGamma() {
    return usualGamma;
  }
}
