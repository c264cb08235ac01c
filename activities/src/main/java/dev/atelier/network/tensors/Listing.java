package dev.atelier.network.tensors;

import java.util.List;

/** Many faults in one sentence. */
public final class Listing {

  private static final int SHOWN = 10;

  private Listing() {}

  /** The first ten of {@code faults}, and how many more there are. */
  public static String of(List<String> faults) {
    String shown = String.join("; ", faults.subList(0, Math.min(SHOWN, faults.size())));
    return faults.size() <= SHOWN
        ? shown
        : "%s; and %d more".formatted(shown, faults.size() - SHOWN);
  }
}
