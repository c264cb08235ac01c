package dev.atelier.dataset.image;

import dev.atelier.spec.DatasetSpec.ExifOrientation;
import java.awt.Rectangle;
import java.io.IOException;

/**
 * Turns the bytes of one image file ({@link ImageFormat}) into uint8 [3, resolution, resolution].
 *
 * <p>What its pixels are is stated in {@link Picture}. The largest centred square is kept and
 * resized ({@link PillowResize}). A large image is decoded in regions from top to bottom, which
 * gives the same pixels.
 */
public final class ImageDecoder {

  /** As many as Pillow reads. */
  static final long MAX_PIXELS = 178_956_970;

  private final int resolution;
  private final ExifOrientation exif;
  private final DecodingMemory memory;

  /**
   * Makes a decoder.
   *
   * @param resolution pixels of each side
   * @param exif what becomes of an orientation; that of a TIFF is no EXIF and always applied, as by
   *     Pillow
   */
  public ImageDecoder(int resolution, ExifOrientation exif) {
    this(resolution, exif, DecodingMemory.PIXELS);
  }

  ImageDecoder(int resolution, ExifOrientation exif, DecodingMemory memory) {
    this.resolution = resolution;
    this.exif = exif;
    this.memory = memory;
  }

  /**
   * Decodes one file.
   *
   * @throws IOException when the bytes are no whole image of a known format
   * @throws NoDecoderException when this machine can't decode the format
   */
  public byte[] decode(byte[] file) throws IOException {
    ImageFormat format =
        ImageFormat.of(file)
            .orElseThrow(
                () -> new IOException("The content is no %s.".formatted(ImageFormat.all())));
    try (Picture picture = open(format, file)) {
      long pixels = (long) picture.width() * picture.height();
      if (pixels > MAX_PIXELS) {
        throw new IOException(
            "Expected at most %d pixels, found %d.".formatted(MAX_PIXELS, pixels));
      }
      boolean turns = exif == ExifOrientation.APPLIED || format == ImageFormat.TIFF;
      return fit(picture, turns ? picture.turn() : Turn.NONE);
    } catch (NoDecoderException e) {
      throw e;
    } catch (RuntimeException e) {
      throw new IOException("The image is damaged.", e); // readers fail so on hostile bytes
    }
  }

  static Picture open(ImageFormat format, byte[] file) throws IOException {
    return switch (format) {
      case PNG -> ImageIoPicture.png(file);
      case JPEG -> ImageIoPicture.jpeg(file);
      case GIF -> new GifPicture(file);
      case BMP -> ImageIoPicture.bmp(file);
      case WEBP -> new WebpPicture(file);
      case TIFF -> ImageIoPicture.tiff(file);
      case PNM -> new PnmPicture(file);
    };
  }

  /** Every row is read, also where it is cropped, so that a file that ends early is found. */
  private byte[] fit(Picture picture, Turn turn) throws IOException {
    long fixed =
        picture.fixedBytes() + SquareFit.bytes(picture.width(), picture.height(), turn, resolution);
    int side = Math.min(picture.width(), picture.height());
    long rowBytes = Math.max(1, (long) picture.bytesPerPixel() * side);
    long wanted = fixed + rowBytes * picture.height();
    DecodingMemory.Claim claim = memory.claim(wanted);
    try {
      SquareFit square = new SquareFit(picture.width(), picture.height(), turn, resolution);
      // Of native memory there may be more than the claim has: then a quarter goes to regions.
      long forRows = Math.max(memory.bytes() - fixed, memory.bytes() / 4);
      int regionRows = (int) Math.max(1, Math.min(picture.height(), forRows / rowBytes));
      int[] row = {0};
      for (int y = 0; y < picture.height(); y += regionRows) {
        int rows = Math.min(regionRows, picture.height() - y);
        picture.read(
            new Rectangle(square.left(), y, square.side(), rows),
            rgb -> square.accept(row[0]++, rgb));
      }
      return square.planes();
    } finally {
      claim.close();
    }
  }

  /** rgb: uint8 [3, side, side], as CIFAR-10 stores its images. */
  public byte[] decodePlanes(byte[] rgb, int offset, int side) {
    int plane = side * side;
    SquareFit square = new SquareFit(side, side, Turn.NONE, resolution);
    byte[] row = new byte[SquareFit.CHANNELS * side];
    for (int y = 0; y < side; y++) {
      for (int x = 0; x < side; x++) {
        for (int c = 0; c < SquareFit.CHANNELS; c++) {
          row[SquareFit.CHANNELS * x + c] = rgb[offset + c * plane + y * side + x];
        }
      }
      square.accept(y, row);
    }
    return square.planes();
  }
}
