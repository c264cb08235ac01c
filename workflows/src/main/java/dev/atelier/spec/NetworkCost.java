package dev.atelier.spec;

import dev.atelier.graph.Graph;

/**
 * What a network costs, known from its spec alone.
 *
 * @param parameters of an unconditional network
 * @param macs multiply-accumulates of the convolutions and linear layers of one forward pass of one
 *     image; products of attention aside
 */
public record NetworkCost(long parameters, long macs) {

  /** The cost for images of {@code resolution} pixels per side with {@code imageChannels}. */
  public static NetworkCost of(NetworkSpec spec, int resolution, int imageChannels) {
    Graph graph = Architectures.of(spec).layout(resolution, imageChannels, 0);
    return new NetworkCost(graph.parameters(), graph.macs());
  }
}
