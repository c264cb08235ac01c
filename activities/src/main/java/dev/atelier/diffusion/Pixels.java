package dev.atelier.diffusion;

/** Pixels as networks see them: apart from samplers, which decide nothing of a training. */
public final class Pixels {

  private Pixels() {}

  /**
   * 0..255 as [-1, 1].
   *
   * @param pixels of an image, its rows of {@code side} one after the other
   * @param mirrored whether each row is read from its end
   * @param offset where they go in {@code values}
   */
  public static void values(byte[] pixels, int side, boolean mirrored, float[] values, int offset) {
    for (int row = 0; row < pixels.length; row += side) {
      for (int column = 0; column < side; column++) {
        int from = row + (mirrored ? side - 1 - column : column);
        values[offset + row + column] = (pixels[from] & 0xFF) / 127.5f - 1;
      }
    }
  }
}
