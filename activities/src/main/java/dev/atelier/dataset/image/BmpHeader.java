package dev.atelier.dataset.image;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** How many bytes a BMP's pixels take, which its reader fills with black where they are missing. */
final class BmpHeader {

  private static final int OFFSET = 10; // where the pixels begin
  private static final int SIZE = 14; // of the second header, which tells its kind
  private static final int OS2_SIZE = 12;

  private BmpHeader() {}

  /**
   * Throws {@link EOFException} when a file without compression is shorter than its pixels.
   *
   * @return whether it has run lengths, of which the reader itself finds the end
   */
  static boolean requireWhole(byte[] file) throws IOException {
    ByteBuffer header = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    boolean os2 = header.getInt(SIZE) == OS2_SIZE;
    long width = os2 ? header.getShort(18) & 0xFFFF : header.getInt(18);
    long height = os2 ? header.getShort(20) & 0xFFFF : Math.abs((long) header.getInt(22));
    int bits = os2 ? header.getShort(24) : header.getShort(28);
    int compression = os2 ? 0 : header.getInt(30);
    boolean runLengths = compression == 1 || compression == 2;
    if (runLengths || width <= 0 || height == 0) {
      return runLengths;
    }
    long rowBytes = (width * bits + 31) / 32 * 4;
    long lastBytes = (width * bits + 7) / 8;
    if (header.getInt(OFFSET) + rowBytes * (height - 1) + lastBytes > file.length) {
      throw new EOFException("The BMP data ends early.");
    }
    return false;
  }
}
