package dev.atelier.graph;

/**
 * What one operation of a network makes and others read: a feature map [N, width, side, side], or,
 * with side 0, an embedding [N, width].
 *
 * @param name unique in its graph
 * @param width channels
 * @param side pixels per side
 */
public record Value(String name, int width, int side) {

  /** Elements of one image's feature map; an embedding is too small to count. */
  public long elements() {
    return (long) width * side * side;
  }
}
