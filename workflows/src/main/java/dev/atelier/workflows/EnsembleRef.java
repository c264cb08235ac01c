package dev.atelier.workflows;

import java.util.List;

/**
 * Models that together own [0, T), in order of their ranges, kept as objects: lists of them grow
 * with the number of students, and payloads must not.
 *
 * @param parts of the list, in order
 */
public record EnsembleRef(List<Part> parts) {

  /** No models. */
  static final EnsembleRef NONE = new EnsembleRef(List.of());

  /**
   * A part of the list.
   *
   * @param objectKey of a JSON array of {@link ModelRef}
   * @param sha256 of that object
   * @param models in it
   */
  public record Part(String objectKey, String sha256, int models) {}

  public EnsembleRef {
    parts = List.copyOf(parts);
  }

  /** Number of models; 0: there is no such ensemble. */
  public int models() {
    return parts.stream().mapToInt(Part::models).sum();
  }
}
