package dev.atelier.dataset.image;

import java.awt.color.ColorSpace;
import java.awt.image.ColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.IndexColorModel;
import java.awt.image.PackedColorModel;
import java.awt.image.Raster;
import java.io.IOException;

/** Makes 8-bit RGB of what a decoder left in a raster, by the rule of {@link Picture}. */
enum RgbRow {
  /** One band, and alpha or not. */
  GREY {
    @Override
    void convert(int[] samples, int bands, int shift, byte[] rgb) {
      for (int x = 0; x < rgb.length / 3; x++) {
        byte grey = (byte) (samples[x * bands] >> shift);
        put(rgb, x, grey, grey, grey);
      }
    }
  },
  /** Three bands, and alpha or not. */
  RGB {
    @Override
    void convert(int[] samples, int bands, int shift, byte[] rgb) {
      for (int x = 0; x < rgb.length / 3; x++) {
        put(
            rgb,
            x,
            samples[x * bands] >> shift,
            samples[x * bands + 1] >> shift,
            samples[x * bands + 2] >> shift);
      }
    }
  },
  /** Ink, 255 is all of it. */
  CMYK {
    @Override
    void convert(int[] samples, int bands, int shift, byte[] rgb) {
      for (int x = 0; x < rgb.length / 3; x++) {
        int black = samples[x * bands + 3] >> shift;
        put(
            rgb,
            x,
            withoutInk(samples[x * bands] >> shift, black),
            withoutInk(samples[x * bands + 1] >> shift, black),
            withoutInk(samples[x * bands + 2] >> shift, black));
      }
    }
  },
  /** As JPEG files have it: 0 is all of the ink. */
  INVERTED_CMYK {
    @Override
    void convert(int[] samples, int bands, int shift, byte[] rgb) {
      for (int i = 0; i < samples.length; i++) {
        samples[i] = 255 - samples[i];
      }
      CMYK.convert(samples, bands, shift, rgb);
    }
  },
  /**
   * The ink of JPEG files as luminance and colour, beside black. Numbers of libjpeg's jdcolor.c.
   */
  INVERTED_YCCK {
    @Override
    void convert(int[] samples, int bands, int shift, byte[] rgb) {
      for (int i = 0; i < samples.length; i += bands) {
        int y = samples[i];
        int cb = samples[i + 1] - 128;
        int cr = samples[i + 2] - 128;
        samples[i] = clip(255 - (y + ((91881 * cr + HALF) >> 16)));
        samples[i + 1] = clip(255 - (y + ((-22554 * cb - 46802 * cr + HALF) >> 16)));
        samples[i + 2] = clip(255 - (y + ((116130 * cb + HALF) >> 16)));
      }
      INVERTED_CMYK.convert(samples, bands, shift, rgb);
    }
  };

  private static final int HALF = 1 << 15;

  /** samples: [width, bands], may be changed; shift: bits above eight; rgb: uint8 [width, 3]. */
  abstract void convert(int[] samples, int bands, int shift, byte[] rgb);

  /** Hands on the rows of a raster whose bands are of this kind. */
  void read(Raster raster, Picture.Rows rows) throws IOException {
    int bits = raster.getSampleModel().getSampleSize(0);
    if (raster.getTransferType() > DataBuffer.TYPE_USHORT || bits > Short.SIZE) {
      throw new IOException("Expected samples of at most 16 bits, found %d.".formatted(bits));
    }
    int width = raster.getWidth();
    int bands = raster.getNumBands();
    int[] samples = new int[width * bands];
    byte[] rgb = new byte[3 * width];
    for (int y = raster.getMinY(); y < raster.getMinY() + raster.getHeight(); y++) {
      raster.getPixels(raster.getMinX(), y, width, 1, samples);
      convert(samples, bands, Math.max(0, bits - Byte.SIZE), rgb);
      rows.accept(rgb);
    }
  }

  /** Hands on the rows of an image, as its colour model says what its samples are. */
  static void read(ColorModel colors, Raster raster, Picture.Rows rows) throws IOException {
    if (colors instanceof IndexColorModel palette) {
      readPalette(palette, raster, rows);
    } else if (colors instanceof PackedColorModel packed) {
      readPacked(packed, raster, rows);
    } else {
      switch (colors.getColorSpace().getType()) {
        case ColorSpace.TYPE_GRAY -> GREY.read(raster, rows);
        case ColorSpace.TYPE_RGB -> RGB.read(raster, rows);
        case ColorSpace.TYPE_CMYK -> CMYK.read(raster, rows);
        default -> throw new IOException("Expected grey, RGB or CMYK, found other colours.");
      }
    }
  }

  private static void readPalette(IndexColorModel palette, Raster raster, Picture.Rows rows) {
    int[] indices = new int[raster.getWidth()];
    byte[] rgb = new byte[3 * indices.length];
    for (int y = raster.getMinY(); y < raster.getMinY() + raster.getHeight(); y++) {
      raster.getPixels(raster.getMinX(), y, indices.length, 1, indices);
      for (int x = 0; x < indices.length; x++) {
        int color = indices[x] < palette.getMapSize() ? palette.getRGB(indices[x]) : 0;
        put(rgb, x, color >> 16, color >> 8, color);
      }
      rows.accept(rgb);
    }
  }

  /** Samples of fewer than eight bits are stretched to 255, as Pillow does. */
  private static void readPacked(PackedColorModel colors, Raster raster, Picture.Rows rows) {
    int[] samples = new int[raster.getWidth() * raster.getNumBands()];
    int bands = raster.getNumBands();
    int[] most = new int[bands];
    for (int band = 0; band < bands; band++) {
      most[band] = (1 << colors.getComponentSize(band)) - 1;
    }
    byte[] rgb = new byte[3 * raster.getWidth()];
    for (int y = raster.getMinY(); y < raster.getMinY() + raster.getHeight(); y++) {
      raster.getPixels(raster.getMinX(), y, raster.getWidth(), 1, samples);
      for (int x = 0; x < raster.getWidth(); x++) {
        put(
            rgb,
            x,
            samples[x * bands] * 255 / most[0],
            samples[x * bands + 1] * 255 / most[1],
            samples[x * bands + 2] * 255 / most[2]);
      }
      rows.accept(rgb);
    }
  }

  private static int withoutInk(int ink, int black) {
    int light = 255 - black;
    int product = ink * light + 128;
    return clip(light - ((product + (product >> 8)) >> 8)); // Pillow's MULDIV255
  }

  private static int clip(int value) {
    return Math.max(0, Math.min(255, value));
  }

  private static void put(byte[] rgb, int x, int red, int green, int blue) {
    rgb[3 * x] = (byte) red;
    rgb[3 * x + 1] = (byte) green;
    rgb[3 * x + 2] = (byte) blue;
  }
}
