package dev.atelier.network;

import java.util.List;

/** Many faults in one sentence. */
final class Listing {

  private static final int SHOWN = 10;

  private Listing() {}

  /** The first ten of {@code faults}, and how many more there are. */
  static String of(List<String> faults) {
    String shown = String.join("; ", faults.subList(0, Math.min(SHOWN, faults.size())));
    return faults.size() <= SHOWN
        ? shown
        : "%s; and %d more".formatted(shown, faults.size() - SHOWN);
  }
}
