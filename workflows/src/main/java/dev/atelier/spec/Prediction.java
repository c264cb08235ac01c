package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonProperty;

/** What a network predicts of x_t: the noise in it, the image, or a mixture of both. */
public enum Prediction {
  @JsonProperty("eps")
  EPS, // Ho et al. 2020, eq. 14
  @JsonProperty("x0")
  X0, // the image itself; Ho et al. 2020, section 3.2
  @JsonProperty("v")
  V, // signal eps - noise x_0; Salimans & Ho 2022, section 4
  @JsonProperty("flow")
  FLOW // eps - x_0; Liu et al. 2023
}
