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
}
