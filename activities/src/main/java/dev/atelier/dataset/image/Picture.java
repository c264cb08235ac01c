package dev.atelier.dataset.image;

import java.awt.Rectangle;
import java.io.IOException;

/**
 * An image file whose header has been read. Its pixels come in regions, so that a large one needs
 * little memory.
 *
 * <p>One rule for all formats, which is what Pillow's {@code convert("RGB")} does and with it
 * torchvision and pytorch-fid: transparency is dropped and the colours below it stay, embedded
 * colour profiles and gammas are ignored, of 16 bits the upper 8 are kept, grey becomes three equal
 * channels and CMYK (255 − c)·(255 − k)/255.
 */
interface Picture extends AutoCloseable {

  /** Takes the rows of a region from top to bottom. */
  @FunctionalInterface
  interface Rows {
    /** rgb: uint8 [width, 3], valid during the call only. */
    void accept(byte[] rgb);
  }

  int width();

  int height();

  /** Bytes that reading takes whatever the region, of the heap or of native memory. */
  default long fixedBytes() {
    return 0;
  }

  /** Bytes of memory for each pixel of a region. */
  int bytesPerPixel();

  /** How the file says that it is to be turned. */
  default Turn turn() {
    return Turn.NONE;
  }

  /** Reads a region, which may need that all above it is decoded again. */
  void read(Rectangle region, Rows rows) throws IOException;

  @Override
  default void close() {}
}
