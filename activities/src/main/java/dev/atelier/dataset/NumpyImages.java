package dev.atelier.dataset;

import dev.atelier.untrusted.HeapBudget;
import dev.atelier.untrusted.NpyHeader;
import dev.atelier.untrusted.ZipDirectory;
import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/**
 * The images of an {@code .npz} with {@code arr_0}, uint8 [N, H, W, 3], as guided-diffusion keeps
 * its samples. Each is seen as a BMP, whose pixels are those of the array; other arrays, such as
 * the labels in {@code arr_1}, are not read.
 */
public final class NumpyImages implements SourceFiles {

  private static final String ARRAY = "arr_0";
  private static final String ENTRY = ARRAY + ".npy";
  private static final int CHANNELS = 3;
  private static final int MAX_SIDE = 1 << 12;
  private static final int BMP_HEADER = 54; // bytes: BITMAPFILEHEADER and BITMAPINFOHEADER
  private static final int BMP_INFO = 40;
  private static final int BMP_BITS = 24;

  private final Path file;
  private final ArchiveLimits limits;

  NumpyImages(Path file, ArchiveLimits limits) {
    this.file = file;
    this.limits = limits;
  }

  /**
   * Whether a file is a zip with such an array.
   *
   * @throws IOException if it is no zip that can be read
   */
  public static boolean isIn(Path file) throws IOException {
    ZipDirectory.of(file).require(HeapBudget.zipDirectoryBytes());
    try (ZipFile zip = new ZipFile(file.toFile())) {
      return zip.getEntry(ENTRY) != null;
    } catch (ZipException e) {
      return false; // NumPy writes none that Java's own reader refuses
    }
  }

  @Override
  public void forEach(Visitor visitor) throws IOException {
    ArchiveGuard counts = new ArchiveGuard(limits, Files.size(file));
    try (ZipFile zip = new ZipFile(file.toFile())) {
      ZipEntry entry = zip.getEntry(ENTRY);
      if (entry == null) {
        throw new IOException("it changed while it was read.");
      }
      try (InputStream in =
          new BufferedInputStream(counts.counting(zip.getInputStream(entry)), 1 << 16)) {
        forEach(NpyHeader.read(ARRAY, in), in, counts, visitor);
      }
    }
  }

  private static void forEach(NpyHeader array, InputStream in, ArchiveGuard counts, Visitor visitor)
      throws IOException {
    int[] shape = array.shape();
    boolean images = shape.length == 4 && shape[3] == CHANNELS && array.descr().equals("|u1");
    if (!images || array.fortranOrder()) {
      throw new IOException(
          "Array '%s' is %s%s, expected |u1[N, H, W, 3]."
              .formatted(ARRAY, array, array.fortranOrder() ? " in Fortran's order" : ""));
    }
    int height = shape[1];
    int width = shape[2];
    if (height < 1 || width < 1 || height > MAX_SIDE || width > MAX_SIDE) {
      throw new IOException(
          "Array '%s' is %s, expected images of 1 to %d pixels per side."
              .formatted(ARRAY, array, MAX_SIDE));
    }
    int row = width * CHANNELS;
    long bmpBytes = BMP_HEADER + (long) height * paddedRow(width);
    for (int i = 0; i < shape[0]; i++) {
      String name = "%s/%08d.bmp".formatted(ARRAY, i);
      counts.entry(name);
      byte[] rgb = in.readNBytes(height * row);
      if (rgb.length < height * row) {
        throw new IOException(
            "Array '%s' ends early: expected %d images, found %d.".formatted(ARRAY, shape[0], i));
      }
      visitor.visit(
          new Entry.File(name, bmpBytes), () -> new ByteArrayInputStream(bmp(rgb, width, height)));
    }
  }

  private static int paddedRow(int width) {
    return (width * CHANNELS + 3) / 4 * 4;
  }

  /** rgb: [height, width, 3]. A BMP has its rows from below, and blue first. */
  private static byte[] bmp(byte[] rgb, int width, int height) {
    int row = paddedRow(width);
    byte[] bmp = new byte[BMP_HEADER + height * row];
    ByteBuffer.wrap(bmp)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(new byte[] {'B', 'M'})
        .putInt(bmp.length)
        .putInt(0)
        .putInt(BMP_HEADER)
        .putInt(BMP_INFO)
        .putInt(width)
        .putInt(height)
        .putShort((short) 1)
        .putShort((short) BMP_BITS);
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        int from = (y * width + x) * CHANNELS;
        int to = BMP_HEADER + (height - 1 - y) * row + x * CHANNELS;
        bmp[to] = rgb[from + 2];
        bmp[to + 1] = rgb[from + 1];
        bmp[to + 2] = rgb[from];
      }
    }
    return bmp;
  }
}
