package dev.atelier.spec;

import dev.atelier.graph.Graph;

/** A kind of network: what its spec's fields make of it. */
public interface Architecture {

  /**
   * The network's graph, whether or not its numbers fit each other.
   *
   * @param resolution pixels per side of its images
   * @param imageChannels channels of its images, 3 for RGB
   * @param classes that it is conditioned on; 0: unconditional
   */
  Graph layout(int resolution, int imageChannels, int classes);

  /**
   * The same of a network that can be built.
   *
   * @throws IllegalArgumentException if it can't; the message names the spec's field
   */
  Graph graph(int resolution, int imageChannels, int classes);

  /**
   * Says which of its spec's fields don't fit each other, or the images: what {@link #graph} would
   * refuse, field by field.
   */
  void check(int resolution, int imageChannels, Faults faults);

  /** Where faults of one network are told; fields are those of its spec. */
  interface Faults {

    /** Refuses the first one, where every field is within its bounds. */
    Faults REFUSING =
        new Faults() {
          @Override
          public boolean trusts(String... fields) {
            return true;
          }

          @Override
          public boolean trustsResolution() {
            return true;
          }

          @Override
          public void add(String field, String sentence) {
            throw new IllegalArgumentException("network.%s %s".formatted(field, sentence));
          }
        };

    /** Whether all of these fields are within their own bounds. */
    boolean trusts(String... fields);

    /** Whether the images' resolution is within its bounds. */
    boolean trustsResolution();

    /** A sentence that goes on after the name of the field. */
    void add(String field, String sentence);
  }
}
