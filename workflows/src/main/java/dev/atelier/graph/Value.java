package dev.atelier.graph;

/**
 * What one operation of a network makes and others read: a feature map [N, width, rows, columns],
 * or, with no rows, an embedding [N, width]. A sequence of tokens is a map of one row.
 *
 * @param name unique in its graph
 * @param width channels
 */
public record Value(String name, int width, int rows, int columns) {

  /** A square feature map, or, with side 0, an embedding. */
  public Value(String name, int width, int side) {
    this(name, width, side, side);
  }

  /** A sequence of {@code tokens}. */
  public static Value sequence(String name, int width, int tokens) {
    return new Value(name, width, 1, tokens);
  }

  /** Pixels per side of a square map. */
  public int side() {
    return rows;
  }

  /** Pixels, or tokens. */
  public long pixels() {
    return (long) rows * columns;
  }

  /** Elements of one image's feature map; an embedding is too small to count. */
  public long elements() {
    return width * pixels();
  }
}
