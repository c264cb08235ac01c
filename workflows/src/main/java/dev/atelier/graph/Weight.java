package dev.atelier.graph;

import java.util.Arrays;
import java.util.List;

/** One learned tensor. */
public record Weight(String name, List<Long> shape, Initialiser initialiser) {

  static Weight of(String name, Initialiser initialiser, long... shape) {
    return new Weight(name, Arrays.stream(shape).boxed().toList(), initialiser);
  }

  public long[] dimensions() {
    return shape.stream().mapToLong(Long::longValue).toArray();
  }

  public long elements() {
    return shape.stream().reduce(1L, Math::multiplyExact);
  }
}
