package dev.atelier.dataset.image;

import java.awt.Rectangle;
import java.io.EOFException;
import java.io.IOException;

/** Portable bitmaps, greymaps and pixmaps, as text (P1 to P3) and as bytes (P4 to P6). */
final class PnmPicture implements Picture {

  private static final int MAX_VALUE = 65535;
  private static final int MAX_SIDE = 100_000_000;

  private final byte[] file;
  private final boolean bitmap;
  private final boolean text;
  private final int bands;
  private final int width;
  private final int height;
  private final int most; // the value of full light
  private final int start; // of the pixels
  private int at = 2;

  PnmPicture(byte[] file) throws IOException {
    this.file = file;
    int kind = file[1] - '0';
    text = kind <= 3;
    bitmap = kind == 1 || kind == 4;
    bands = kind % 3 == 0 ? 3 : 1;
    try {
      width = number(MAX_SIDE);
      height = number(MAX_SIDE);
      most = bitmap ? 1 : number(MAX_VALUE);
    } catch (IndexOutOfBoundsException e) {
      throw (IOException) new EOFException("The header ends early.").initCause(e);
    }
    if (width == 0 || height == 0 || most == 0) {
      throw new IOException("Width, height and largest value must be positive.");
    }
    start = text ? at : at + 1; // one white space precedes bytes
    if (!text && (long) rowBytes() * height > file.length - start) {
      throw new EOFException("The data ends early.");
    }
  }

  private int rowBytes() {
    int samples = width * bands;
    return bitmap ? (width + 7) / 8 : most > 255 ? 2 * samples : samples;
  }

  /** The next number; white space and comments before it are passed over. */
  private int number(int largest) throws IOException {
    skipSpace();
    long value = 0;
    int first = at;
    while (at < file.length && file[at] >= '0' && file[at] <= '9') {
      value = value * 10 + file[at++] - '0';
      if (value > largest) {
        throw new IOException("Expected a number of at most %d.".formatted(largest));
      }
    }
    if (at == first) {
      throw new IOException("Expected a number.");
    }
    return (int) value;
  }

  private void skipSpace() {
    while (Character.isWhitespace(file[at]) || file[at] == '#') {
      if (file[at++] == '#') {
        while (file[at] != '\n' && file[at] != '\r') {
          at++;
        }
      }
    }
  }

  @Override
  public int width() {
    return width;
  }

  @Override
  public int height() {
    return height;
  }

  @Override
  public int bytesPerPixel() {
    return 0; // a row at a time
  }

  @Override
  public void read(Rectangle region, Rows rows) throws IOException {
    if (text) {
      at = start;
    }
    int firstRow = text ? 0 : region.y; // text has no places to go to
    byte[] rgb = new byte[3 * region.width];
    try {
      for (int y = firstRow; y < region.y + region.height; y++) {
        for (int x = 0; x < width * bands; x++) {
          int value = text ? textSample() : sample(y, x);
          place(rgb, x / bands - region.x, x % bands, value);
        }
        if (y >= region.y) {
          rows.accept(rgb);
        }
      }
    } catch (IndexOutOfBoundsException e) {
      throw (IOException) new EOFException("The data ends early.").initCause(e);
    }
  }

  private void place(byte[] rgb, int x, int band, int value) {
    if (x < 0 || 3 * x >= rgb.length) {
      return;
    }
    if (bands == 3) {
      rgb[3 * x + band] = (byte) value;
      return;
    }
    for (int c = 0; c < 3; c++) {
      rgb[3 * x + c] = (byte) value;
    }
  }

  private int textSample() throws IOException {
    if (!bitmap) {
      return scaled(number(most));
    }
    skipSpace();
    int bit = file[at++] - '0'; // bits need no space between them
    if (bit != 0 && bit != 1) {
      throw new IOException("Expected 0 or 1.");
    }
    return bit == 1 ? 0 : 255;
  }

  private int sample(int y, int x) {
    int row = start + y * rowBytes();
    if (bitmap) {
      return (file[row + x / 8] >> (7 - x % 8) & 1) == 1 ? 0 : 255;
    }
    int value =
        most > 255
            ? (file[row + 2 * x] & 0xFF) << 8 | (file[row + 2 * x + 1] & 0xFF)
            : file[row + x] & 0xFF;
    return scaled(value);
  }

  /** Grey of more than 8 bits keeps its upper 8 of 16; all else is rounded, as Pillow does. */
  private int scaled(int value) {
    if (bands == 1 && most > 255) {
      return (int) Math.min(MAX_VALUE, Math.rint((double) value / most * MAX_VALUE)) >> 8;
    }
    return (int) Math.min(255, Math.rint((double) value / most * 255));
  }
}
