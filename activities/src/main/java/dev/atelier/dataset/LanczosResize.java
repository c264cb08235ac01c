package dev.atelier.dataset;

import java.util.Arrays;

/**
 * Resizes 8-bit images with a Lanczos filter of three lobes, bit for bit as Pillow's {@code
 * Image.resize(size, LANCZOS)} does, so that figures compare with those of other tools.
 *
 * <p>Output pixel i samples the source around (i + ½)·scale. A smaller image averages what it
 * cannot show: the filter is as much wider. Columns come first, then rows, each rounded to 8 bits;
 * the weights are fixed-point numbers.
 */
final class LanczosResize {

  private static final double LOBES = 3;
  private static final int FRACTION_BITS = 32 - 8 - 2; // 8 bits of a pixel, 2 for overshoot
  private static final int HALF = 1 << (FRACTION_BITS - 1);

  private LanczosResize() {}

  /**
   * Resizes interleaved channels.
   *
   * @param pixels uint8 [height, width, channels]
   * @return uint8 [toHeight, toWidth, channels]
   */
  static byte[] resize(
      byte[] pixels, int width, int height, int channels, int toWidth, int toHeight) {
    byte[] narrow = toWidth == width ? pixels : columns(pixels, width, height, channels, toWidth);
    return toHeight == height ? narrow : rows(narrow, height, toWidth * channels, toHeight);
  }

  private static byte[] columns(byte[] pixels, int width, int height, int channels, int toWidth) {
    Filter filter = Filter.of(width, toWidth);
    byte[] resized = new byte[height * toWidth * channels];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < toWidth; x++) {
        int[] weights = filter.weights[x];
        int first = (y * width + filter.first[x]) * channels;
        for (int c = 0; c < channels; c++) {
          int sum = HALF;
          for (int k = 0; k < weights.length; k++) {
            sum += (pixels[first + k * channels + c] & 0xFF) * weights[k];
          }
          resized[(y * toWidth + x) * channels + c] = clip(sum);
        }
      }
    }
    return resized;
  }

  /** pixels: uint8 [height, rowBytes]. */
  private static byte[] rows(byte[] pixels, int height, int rowBytes, int toHeight) {
    Filter filter = Filter.of(height, toHeight);
    byte[] resized = new byte[toHeight * rowBytes];
    int[] sums = new int[rowBytes];
    for (int y = 0; y < toHeight; y++) {
      Arrays.fill(sums, HALF);
      int[] weights = filter.weights[y];
      for (int k = 0; k < weights.length; k++) {
        int from = (filter.first[y] + k) * rowBytes;
        for (int i = 0; i < rowBytes; i++) {
          sums[i] += (pixels[from + i] & 0xFF) * weights[k];
        }
      }
      for (int i = 0; i < rowBytes; i++) {
        resized[y * rowBytes + i] = clip(sums[i]);
      }
    }
    return resized;
  }

  private static byte clip(int sum) {
    return (byte) Math.max(0, Math.min(255, sum >> FRACTION_BITS));
  }

  /**
   * What each output pixel is made of.
   *
   * @param first source pixel of each output pixel's window
   * @param weights fixed-point weights of its window, which sum to about 1
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared, and filled for one image
  private record Filter(int[] first, int[][] weights) {

    static Filter of(int size, int toSize) {
      double scale = (double) size / toSize;
      double width = Math.max(scale, 1);
      double support = LOBES * width;
      int[] first = new int[toSize];
      int[][] weights = new int[toSize][];
      for (int i = 0; i < toSize; i++) {
        double center = (i + 0.5) * scale;
        int low = Math.max(0, (int) (center - support + 0.5));
        int high = Math.min(size, (int) (center + support + 0.5));
        double[] exact = new double[high - low];
        double sum = 0;
        for (int k = 0; k < exact.length; k++) {
          exact[k] = lanczos((k + low - center + 0.5) / width);
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
      return new Filter(first, weights);
    }

    private static double lanczos(double x) {
      return -LOBES <= x && x < LOBES ? sinc(x) * sinc(x / LOBES) : 0;
    }

    private static double sinc(double x) {
      double angle = Math.PI * x;
      return x == 0 ? 1 : Math.sin(angle) / angle;
    }
  }
}
