package dev.atelier.dataset.image;

import java.util.Arrays;

/**
 * Resizes 8-bit images bit for bit as Pillow's {@code Image.resize} does, so that figures compare
 * with those of other tools.
 *
 * <p>Output pixel i samples the source around (i + ½)·scale. A smaller image averages what it
 * cannot show: the filter is as much wider. Columns come first, then rows, each rounded to 8 bits;
 * the weights are fixed-point numbers.
 */
public final class PillowResize {

  /** What the pixels around are weighed by; Pillow's names. */
  public enum Filter {
    LANCZOS(3), // lobes
    BICUBIC(2); // Keys 1981, with a = -1/2

    private final double reach;

    Filter(double reach) {
      this.reach = reach;
    }

    private double at(double x) {
      return switch (this) {
        case LANCZOS -> lanczos(x);
        case BICUBIC -> bicubic(Math.abs(x));
      };
    }
  }

  private static final int FRACTION_BITS = 32 - 8 - 2; // 8 bits of a pixel, 2 for overshoot
  private static final int HALF = 1 << (FRACTION_BITS - 1);

  private final int[] first; // source pixel of each output pixel's window
  private final int[][] weights; // fixed-point, of each window, which sum to about 1

  /** Resizes one axis of {@code size} pixels. */
  PillowResize(Filter filter, int size, int toSize) {
    double scale = (double) size / toSize;
    double width = Math.max(scale, 1);
    double support = filter.reach * width;
    first = new int[toSize];
    weights = new int[toSize][];
    for (int i = 0; i < toSize; i++) {
      if (size == toSize) { // what follows would weigh the neighbours with 0
        first[i] = i;
        weights[i] = new int[] {1 << FRACTION_BITS};
        continue;
      }
      double center = (i + 0.5) * scale;
      int low = Math.max(0, (int) (center - support + 0.5));
      int high = Math.min(size, (int) (center + support + 0.5));
      double[] exact = new double[high - low];
      double sum = 0;
      for (int k = 0; k < exact.length; k++) {
        exact[k] = filter.at((k + low - center + 0.5) / width);
        sum += exact[k];
      }
      weights[i] = new int[exact.length];
      for (int k = 0; k < exact.length; k++) {
        double weight = sum == 0 ? exact[k] : exact[k] / sum;
        // Away from zero at one half, as C's cast of x ± 0.5 does
        weights[i][k] = (int) (weight * (1 << FRACTION_BITS) + (weight < 0 ? -0.5 : 0.5));
      }
      first[i] = low;
    }
  }

  /**
   * Resizes interleaved channels.
   *
   * @param pixels uint8 [height, width, channels]
   * @return uint8 [toHeight, toWidth, channels]
   */
  public static byte[] resize(
      Filter filter,
      byte[] pixels,
      int width,
      int height,
      int channels,
      int toWidth,
      int toHeight) {
    PillowResize columns = new PillowResize(filter, width, toWidth);
    byte[] narrow = new byte[height * toWidth * channels];
    for (int y = 0; y < height; y++) {
      columns.row(pixels, y * width * channels, channels, narrow, y * toWidth * channels);
    }
    return new PillowResize(filter, height, toHeight).rows(narrow, toWidth * channels);
  }

  /**
   * Resizes one row.
   *
   * @param pixels has uint8 [size, channels] from {@code from}
   * @param resized gets uint8 [toSize, channels] from {@code to}
   */
  void row(byte[] pixels, int from, int channels, byte[] resized, int to) {
    for (int x = 0; x < weights.length; x++) {
      int[] window = weights[x];
      int start = from + first[x] * channels;
      for (int c = 0; c < channels; c++) {
        int sum = HALF;
        for (int k = 0; k < window.length; k++) {
          sum += (pixels[start + k * channels + c] & 0xFF) * window[k];
        }
        resized[to + x * channels + c] = clip(sum);
      }
    }
  }

  /**
   * Resizes the column of rows.
   *
   * @param pixels uint8 [size, rowBytes]
   * @return uint8 [toSize, rowBytes]
   */
  byte[] rows(byte[] pixels, int rowBytes) {
    byte[] resized = new byte[weights.length * rowBytes];
    int[] sums = new int[rowBytes];
    for (int y = 0; y < weights.length; y++) {
      Arrays.fill(sums, HALF);
      for (int k = 0; k < weights[y].length; k++) {
        int from = (first[y] + k) * rowBytes;
        for (int i = 0; i < rowBytes; i++) {
          sums[i] += (pixels[from + i] & 0xFF) * weights[y][k];
        }
      }
      for (int i = 0; i < rowBytes; i++) {
        resized[y * rowBytes + i] = clip(sums[i]);
      }
    }
    return resized;
  }

  /** Sums for {@link #add}: int [count, toSize, channels]. */
  int[] sums(int count, int channels) {
    int[] sums = new int[count * weights.length * channels];
    Arrays.fill(sums, HALF);
    return sums;
  }

  /**
   * Adds the pixels at one position of {@code count} rows, where they come position by position.
   *
   * @param pixels uint8 [count, channels]
   * @param sums int [count, toSize, channels]
   */
  void add(int position, byte[] pixels, int count, int channels, int[] sums) {
    for (int x = 0; x < weights.length; x++) {
      int k = position - first[x];
      if (k < 0 || k >= weights[x].length) {
        continue;
      }
      int weight = weights[x][k];
      for (int row = 0; row < count; row++) {
        int sum = (row * weights.length + x) * channels;
        for (int c = 0; c < channels; c++) {
          sums[sum + c] += (pixels[row * channels + c] & 0xFF) * weight;
        }
      }
    }
  }

  /** What {@link #row} gives, once all positions are added. */
  static byte[] clipped(int[] sums) {
    byte[] resized = new byte[sums.length];
    for (int i = 0; i < sums.length; i++) {
      resized[i] = clip(sums[i]);
    }
    return resized;
  }

  private static byte clip(int sum) {
    return (byte) Math.max(0, Math.min(255, sum >> FRACTION_BITS));
  }

  private static double lanczos(double x) {
    double lobes = Filter.LANCZOS.reach;
    return -lobes <= x && x < lobes ? sinc(x) * sinc(x / lobes) : 0;
  }

  private static double bicubic(double x) {
    double a = -0.5;
    if (x < 1) {
      return ((a + 2) * x - (a + 3)) * x * x + 1;
    }
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
  }

  private static double sinc(double x) {
    double angle = Math.PI * x;
    return x == 0 ? 1 : Math.sin(angle) / angle;
  }
}
