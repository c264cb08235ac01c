package dev.atelier.network.libtorch;

import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;

/** How slow the calls of a loaded module have been, in checks of {@link NativeCalls}. */
final class Pace {

  /**
   * Calls that take about as long as each other.
   *
   * @param elements numbers that are given to the method: a greater batch takes longer
   */
  record Kind(String method, long elements) {}

  private final Map<Kind, Integer> slowest = new HashMap<>();

  OptionalInt slowest(Kind kind) {
    Integer checks = slowest.get(kind);
    return checks == null ? OptionalInt.empty() : OptionalInt.of(checks);
  }

  void add(Kind kind, int checks) {
    slowest.merge(kind, checks, Math::max);
  }
}
