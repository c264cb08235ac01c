package dev.atelier.report;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import javax.imageio.stream.MemoryCacheImageInputStream;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/** Puts sample grids beside each other. Captions belong to the page: an image needs no font. */
final class SampleGrids {

  private static final int GAP_PIXELS = 16;

  private SampleGrids() {}

  /**
   * One PNG of all grids from left to right; the gaps are transparent.
   *
   * @throws IllegalArgumentException if there is no grid, or one is not an image
   */
  static byte[] sideBySide(List<byte[]> pngs) {
    if (pngs.isEmpty()) {
      throw new IllegalArgumentException("Cannot compose sample grids: expected at least 1.");
    }
    List<BufferedImage> grids = new ArrayList<>();
    for (byte[] png : pngs) {
      grids.add(decode(png));
    }
    int width = grids.stream().mapToInt(g -> g.getWidth() + GAP_PIXELS).sum() - GAP_PIXELS;
    int height = grids.stream().mapToInt(BufferedImage::getHeight).max().orElseThrow();
    BufferedImage all = new BufferedImage(width, height, BufferedImage.TYPE_INT_ARGB);
    int left = 0;
    for (BufferedImage grid : grids) {
      int w = grid.getWidth();
      int h = grid.getHeight();
      all.setRGB(left, 0, w, h, grid.getRGB(0, 0, w, h, null, 0, w), 0, w);
      left += w + GAP_PIXELS;
    }
    return encode(all);
  }

  private static BufferedImage decode(byte[] png) {
    BufferedImage image;
    try {
      // ImageIO closes a stream that it could read.
      image = ImageIO.read(new MemoryCacheImageInputStream(new ByteArrayInputStream(png)));
    } catch (IOException e) {
      throw new IllegalArgumentException("A sample grid cannot be read as an image.", e);
    }
    if (image == null) {
      throw new IllegalArgumentException("A sample grid cannot be read as an image.");
    }
    return image;
  }

  private static byte[] encode(BufferedImage image) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (MemoryCacheImageOutputStream out = new MemoryCacheImageOutputStream(bytes)) {
      if (!ImageIO.write(image, "png", out)) {
        throw new IllegalStateException("This Java runtime cannot write PNG.");
      }
    } catch (IOException e) {
      throw new IllegalStateException("Cannot write a PNG to memory.", e);
    }
    return bytes.toByteArray();
  }
}
