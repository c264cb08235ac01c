package dev.atelier.dataset;

import java.awt.AlphaComposite;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBufferByte;
import java.awt.image.Raster;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Iterator;
import java.util.Locale;
import java.util.Set;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;

/**
 * Turns the bytes of one PNG, JPEG, GIF (first frame), BMP or WebP file into uint8 [3, H, W].
 *
 * <p>Transparent pixels show white. Grey becomes RGB with equal channels, 16 bits become 8. The
 * largest centred square is kept and resized ({@link LanczosResize}). An orientation noted in EXIF
 * is not applied.
 */
final class ImageDecoder {

  static final int CHANNELS = 3;
  static final long MAX_PIXELS = 50_000_000;

  private static final Set<String> FORMATS = Set.of("png", "jpeg", "gif", "bmp", "webp");

  private final int resolution;

  ImageDecoder(int resolution) {
    this.resolution = resolution;
  }

  /** Throws {@link IOException} when the bytes are no whole image of a known format. */
  byte[] decode(byte[] file) throws IOException {
    try {
      return fit(rgb(read(file)));
    } catch (RuntimeException e) {
      throw new IOException("The image is damaged.", e); // readers fail so on hostile bytes
    }
  }

  /** rgb: uint8 [3, side, side], as CIFAR-10 stores its images. */
  byte[] decodePlanes(byte[] rgb, int offset, int side) {
    BufferedImage image = new BufferedImage(side, side, BufferedImage.TYPE_3BYTE_BGR);
    byte[] bgr = bytes(image);
    int plane = side * side;
    for (int i = 0; i < plane; i++) {
      for (int c = 0; c < CHANNELS; c++) {
        bgr[CHANNELS * i + CHANNELS - 1 - c] = rgb[offset + c * plane + i];
      }
    }
    return fit(image);
  }

  private static BufferedImage read(byte[] file) throws IOException {
    try (ImageInputStream in = new MemoryCacheImageInputStream(new ByteArrayInputStream(file))) {
      Iterator<ImageReader> readers = ImageIO.getImageReaders(in);
      while (readers.hasNext()) {
        ImageReader reader = readers.next();
        try {
          String format = reader.getFormatName().toLowerCase(Locale.ROOT);
          if (!FORMATS.contains(format)) {
            continue;
          }
          if (format.equals("jpeg") && isTruncatedJpeg(file)) {
            throw new IOException("The JPEG data ends early.");
          }
          reader.setInput(in, false, true);
          long pixels = (long) reader.getWidth(0) * reader.getHeight(0);
          if (pixels > MAX_PIXELS) {
            throw new IOException(
                "Expected at most %d pixels, found %d.".formatted(MAX_PIXELS, pixels));
          }
          return reader.read(0);
        } finally {
          reader.dispose();
        }
      }
    }
    throw new IOException("The content is no PNG, JPEG, GIF, BMP or WebP.");
  }

  /** JPEG readers fill a missing rest with grey; only the end marker tells. */
  private static boolean isTruncatedJpeg(byte[] file) {
    return lastMarker(file, 0xD9) < lastMarker(file, 0xDA); // end of image, start of scan
  }

  private static int lastMarker(byte[] file, int marker) {
    for (int i = file.length - 2; i >= 0; i--) {
      if (file[i] == (byte) 0xFF && file[i + 1] == (byte) marker) {
        return i;
      }
    }
    return -1;
  }

  /** The same picture as 8-bit BGR without transparency. */
  private static BufferedImage rgb(BufferedImage image) {
    BufferedImage rgb =
        new BufferedImage(image.getWidth(), image.getHeight(), BufferedImage.TYPE_3BYTE_BGR);
    ColorModel colors = image.getColorModel();
    if (colors instanceof ComponentColorModel
        && colors.getColorSpace().getType() == ColorSpace.TYPE_GRAY) {
      copyGrey(image.getRaster(), colors, bytes(rgb));
      return rgb;
    }
    Graphics2D graphics = rgb.createGraphics();
    try {
      graphics.setColor(Color.WHITE);
      graphics.fillRect(0, 0, rgb.getWidth(), rgb.getHeight());
      graphics.setComposite(AlphaComposite.SrcOver);
      graphics.drawImage(image, 0, 0, null);
    } finally {
      graphics.dispose();
    }
    return rgb;
  }

  /** Java takes grey for linear light and would brighten it; files mean the sRGB curve. */
  private static void copyGrey(Raster raster, ColorModel colors, byte[] bgr) {
    int width = raster.getWidth();
    float grayMax = (1 << colors.getComponentSize(0)) - 1;
    boolean transparent = colors.hasAlpha();
    float alphaMax = transparent ? (1 << colors.getComponentSize(1)) - 1 : 1;
    float[] samples = new float[width * raster.getNumBands()];
    int bands = raster.getNumBands();
    for (int y = 0; y < raster.getHeight(); y++) {
      raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, samples);
      for (int x = 0; x < width; x++) {
        float grey = samples[x * bands] / grayMax;
        float alpha = transparent ? samples[x * bands + 1] / alphaMax : 1;
        byte value = (byte) Math.round(255 * (alpha * grey + 1 - alpha));
        int at = CHANNELS * (y * width + x);
        bgr[at] = value;
        bgr[at + 1] = value;
        bgr[at + 2] = value;
      }
    }
  }

  /** image: 8-bit BGR; returns uint8 [3, resolution, resolution]. */
  private byte[] fit(BufferedImage image) {
    int side = Math.min(image.getWidth(), image.getHeight());
    BufferedImage square = image;
    if (image.getWidth() != image.getHeight()) {
      square = new BufferedImage(side, side, BufferedImage.TYPE_3BYTE_BGR);
      square.setData(
          image
              .getData()
              .createTranslatedChild(
                  -((image.getWidth() - side) / 2), -((image.getHeight() - side) / 2)));
    }
    byte[] bgr = LanczosResize.resize(bytes(square), side, side, CHANNELS, resolution, resolution);
    int plane = resolution * resolution;
    byte[] chw = new byte[CHANNELS * plane];
    for (int i = 0; i < plane; i++) {
      for (int c = 0; c < CHANNELS; c++) {
        chw[c * plane + i] = bgr[CHANNELS * i + CHANNELS - 1 - c];
      }
    }
    return chw;
  }

  private static byte[] bytes(BufferedImage bgr) {
    return ((DataBufferByte) bgr.getRaster().getDataBuffer()).getData();
  }
}
