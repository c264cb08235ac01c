package dev.atelier.dataset;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import javax.imageio.ImageIO;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/** Lays images out as a grid for people to look at. */
public final class ImageGrid {

  private static final int GAP_PIXELS = 2;
  private static final int BACKGROUND_RGB = 0xFFFFFF;

  private ImageGrid() {}

  /**
   * A PNG of the first {@code rows * columns} images, row by row, each pixel {@code scale} wide.
   *
   * @param chwImages uint8 [count, C, H, W] with 1 (grey) or 3 (RGB) channels
   */
  public static byte[] png(
      byte[] chwImages, int count, int channels, int resolution, int rows, int columns, int scale) {
    if (channels != 1 && channels != 3) {
      throw new IllegalArgumentException(
          "Cannot draw a grid: expected 1 or 3 channels, found %d.".formatted(channels));
    }
    if (rows < 1 || columns < 1 || scale < 1 || resolution < 1 || count < 0) {
      throw new IllegalArgumentException(
          "Cannot draw a grid of %d x %d cells of %d pixels at scale %d: all must be at least 1."
              .formatted(rows, columns, resolution, scale));
    }
    int plane = resolution * resolution;
    if (chwImages.length < (long) count * channels * plane) {
      throw new IllegalArgumentException(
          "Cannot draw a grid: expected %d bytes for [%d, %d, %d, %d], found %d."
              .formatted(
                  (long) count * channels * plane,
                  count,
                  channels,
                  resolution,
                  resolution,
                  chwImages.length));
    }
    int cell = resolution * scale;
    int width = columns * (cell + GAP_PIXELS) - GAP_PIXELS;
    int height = rows * (cell + GAP_PIXELS) - GAP_PIXELS;
    BufferedImage grid = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    grid.setRGB(0, 0, width, height, filled(width * height, BACKGROUND_RGB), 0, width);
    int[] pixels = new int[cell * cell];
    for (int i = 0; i < Math.min(count, rows * columns); i++) {
      int start = i * channels * plane;
      for (int y = 0; y < cell; y++) {
        for (int x = 0; x < cell; x++) {
          int at = start + y / scale * resolution + x / scale;
          int red = chwImages[at] & 0xFF;
          int green = channels == 1 ? red : chwImages[at + plane] & 0xFF;
          int blue = channels == 1 ? red : chwImages[at + 2 * plane] & 0xFF;
          pixels[y * cell + x] = red << 16 | green << 8 | blue;
        }
      }
      int left = i % columns * (cell + GAP_PIXELS);
      int top = i / columns * (cell + GAP_PIXELS);
      grid.setRGB(left, top, cell, cell, pixels, 0, cell);
    }
    return encode(grid);
  }

  private static int[] filled(int length, int value) {
    int[] pixels = new int[length];
    java.util.Arrays.fill(pixels, value);
    return pixels;
  }

  private static byte[] encode(BufferedImage image) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (MemoryCacheImageOutputStream out = new MemoryCacheImageOutputStream(bytes)) {
      if (!ImageIO.write(image, "png", out)) {
        throw new IllegalStateException("This Java runtime cannot write PNG.");
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  /** Small images are enlarged so that people can see them. */
  public static int scaleFor(int resolution) {
    return Math.max(1, 64 / resolution);
  }
}
