package dev.atelier.dataset.image;

import java.awt.Rectangle;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.IndexColorModel;
import java.io.IOException;
import java.util.Iterator;
import java.util.Optional;
import javax.imageio.ImageIO;
import javax.imageio.ImageReadParam;
import javax.imageio.ImageReader;
import javax.imageio.ImageTypeSpecifier;

/** A picture that one of the JDK's own readers decodes. */
final class ImageIoPicture implements Picture {

  private static final int BITS = 8;

  private final ImageReader reader;
  private final Optional<RgbRow> raw; // what the bands are, where the reader can't say
  private final Turn turn;
  private long fixedBytes;
  private Optional<IndexColorModel> palette = Optional.empty(); // in place of the reader's
  private final int width;
  private final int height;
  private final ImageTypeSpecifier type;

  private ImageIoPicture(
      String format, BytesInput file, Optional<RgbRow> raw, Turn turn, long fixedBytes)
      throws IOException {
    this.raw = raw;
    this.turn = turn;
    this.fixedBytes = fixedBytes;
    reader = reader(format);
    try {
      reader.setInput(file, false, true);
      width = reader.getWidth(0);
      height = reader.getHeight(0);
      ImageTypeSpecifier own = raw.isPresent() ? null : reader.getRawImageType(0);
      type = own == null ? reader.getImageTypes(0).next() : own;
    } catch (IOException | RuntimeException e) {
      reader.dispose();
      throw e;
    }
  }

  static Picture png(byte[] file) throws IOException {
    return new ImageIoPicture("png", whole(file), Optional.empty(), PngChunks.check(file), 0);
  }

  static Picture bmp(byte[] file) throws IOException {
    boolean runLengths = BmpHeader.requireWhole(file);
    ImageIoPicture picture = new ImageIoPicture("bmp", whole(file), Optional.empty(), Turn.NONE, 0);
    return runLengths ? picture.decodingAtOnce((long) picture.width * picture.height) : picture;
  }

  static Picture gifFrame(byte[] file) throws IOException {
    return new ImageIoPicture("gif", whole(file), Optional.empty(), Turn.NONE, 0);
  }

  static Picture tiff(byte[] file) throws IOException {
    TiffDirectory directory = new TiffDirectory(file, 0, file.length);
    ImageIoPicture picture =
        new ImageIoPicture("tiff", whole(file), Optional.empty(), directory.turn(), 0);
    picture.palette = directory.palette();
    long pixels = (long) picture.reader.getTileWidth(0) * picture.reader.getTileHeight(0);
    return picture.decodingAtOnce(pixels * picture.bytesPerPixel());
  }

  /** Whose reader decodes so many bytes of the heap at once, for a strip or a tile. */
  private ImageIoPicture decodingAtOnce(long bytes) throws IOException {
    long most = 2 * DecodingMemory.PIXELS.bytes();
    if (bytes > most) {
      close();
      throw new IOException(
          "Expected strips or tiles of at most %d bytes in this heap, found %d."
              .formatted(most, bytes));
    }
    fixedBytes = bytes;
    return this;
  }

  static Picture jpeg(byte[] file) throws IOException {
    JpegStream stream = JpegStream.parse(file);
    Optional<RgbRow> raw =
        stream.components() < 4
            ? Optional.empty()
            : Optional.of(stream.isYcck() ? RgbRow.INVERTED_YCCK : RgbRow.INVERTED_CMYK);
    return new ImageIoPicture(
        "jpeg", stream.input(), raw, stream.turn(), file.length + stream.coefficientBytes());
  }

  private static BytesInput whole(byte[] file) {
    return new BytesInput(file, file.length);
  }

  /** The JDK's, since another on the class path may have other pixels. */
  private static ImageReader reader(String format) {
    Iterator<ImageReader> readers = ImageIO.getImageReadersByFormatName(format);
    while (readers.hasNext()) {
      ImageReader reader = readers.next();
      if (reader.getClass().getPackageName().startsWith("com.sun.imageio.plugins.")) {
        return reader;
      }
      reader.dispose();
    }
    throw new IllegalStateException("This JDK has no reader of %s.".formatted(format));
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
  public Turn turn() {
    return turn;
  }

  @Override
  public long fixedBytes() {
    return fixedBytes;
  }

  @Override
  public int bytesPerPixel() {
    if (raw.isPresent()) {
      return 4;
    }
    int bits = 0;
    for (int size : type.getSampleModel(1, 1).getSampleSize()) {
      bits += size <= BITS ? BITS : 2 * BITS;
    }
    return bits / BITS;
  }

  @Override
  public void read(Rectangle region, Rows rows) throws IOException {
    ImageReadParam param = reader.getDefaultReadParam();
    param.setSourceRegion(region);
    if (raw.isPresent()) {
      raw.get().read(reader.readRaster(0, param), rows);
      return;
    }
    param.setDestinationType(type);
    BufferedImage image = reader.read(0, param);
    ColorModel colors = image.getColorModel();
    RgbRow.read(
        colors instanceof IndexColorModel && palette.isPresent() ? palette.get() : colors,
        image.getRaster(),
        rows);
  }

  @Override
  public void close() {
    reader.dispose();
  }
}
