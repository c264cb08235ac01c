package dev.atelier.dataset.image;

/**
 * Turns a picture, crops it to its largest centred square and resizes that, taking the stored rows
 * as they come: no more than a square of {@code side × resolution} pixels is held.
 */
final class SquareFit {

  static final int CHANNELS = 3;

  private final Turn turn;
  private final int resolution;
  private final int side;
  private final int left;
  private final int top;
  private final PillowResize axis;
  private final byte[] narrow; // [side, resolution, 3]
  private final int[] sums; // of the same shape

  SquareFit(int width, int height, Turn turn, int resolution) {
    this.turn = turn;
    this.resolution = resolution;
    side = Math.min(width, height);
    left = start(width, turn.mirrorsColumns());
    top = start(height, turn.mirrorsRows());
    axis = new PillowResize(PillowResize.Filter.LANCZOS, side, resolution);
    narrow = turn.transposes() ? new byte[0] : new byte[side * resolution * CHANNELS];
    sums = turn.transposes() ? axis.sums(side, CHANNELS) : new int[0];
  }

  /** Bytes that fitting takes. */
  static long bytes(int width, int height, Turn turn, int resolution) {
    long pixels = (long) Math.min(width, height) * resolution;
    return pixels * CHANNELS * (turn.transposes() ? Integer.BYTES + 1 : 1);
  }

  /** The crop is centred in what is seen, where an odd rest is on the right and below. */
  private int start(int size, boolean mirrored) {
    int before = (size - side) / 2;
    return mirrored ? size - side - before : before;
  }

  /** The first stored column that is wanted. */
  int left() {
    return left;
  }

  /** Stored columns that are wanted. */
  int side() {
    return side;
  }

  /**
   * Takes one stored row.
   *
   * @param rgb uint8 [side, 3], of the wanted columns; changed by this
   */
  void accept(int storedRow, byte[] rgb) {
    if (storedRow < top || storedRow >= top + side) {
      return;
    }
    if (turn.mirrorsColumns()) {
      mirror(rgb);
    }
    int row = turn.mirrorsRows() ? top + side - 1 - storedRow : storedRow - top;
    if (turn.transposes()) {
      axis.add(row, rgb, side, CHANNELS, sums);
    } else {
      axis.row(rgb, 0, CHANNELS, narrow, row * resolution * CHANNELS);
    }
  }

  private void mirror(byte[] rgb) {
    for (int low = 0, high = side - 1; low < high; low++, high--) {
      for (int c = 0; c < CHANNELS; c++) {
        byte value = rgb[low * CHANNELS + c];
        rgb[low * CHANNELS + c] = rgb[high * CHANNELS + c];
        rgb[high * CHANNELS + c] = value;
      }
    }
  }

  /** What all rows make: uint8 [3, resolution, resolution]. */
  byte[] planes() {
    byte[] rows = turn.transposes() ? PillowResize.clipped(sums) : narrow;
    byte[] rgb = axis.rows(rows, resolution * CHANNELS);
    int plane = resolution * resolution;
    byte[] planes = new byte[CHANNELS * plane];
    for (int i = 0; i < plane; i++) {
      for (int c = 0; c < CHANNELS; c++) {
        planes[c * plane + i] = rgb[i * CHANNELS + c];
      }
    }
    return planes;
  }
}
