package dev.atelier.merging;

import dev.atelier.spec.TimestepRange;

/** A model and the timesteps it owns, as rows and files have it. */
record Owner(int low, int high, String model) {
  static Owner of(TimestepRange range, String model) {
    return new Owner(range.low(), range.high(), model);
  }
}
