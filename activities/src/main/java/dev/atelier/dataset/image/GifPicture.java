package dev.atelier.dataset.image;

import java.awt.Rectangle;
import java.io.EOFException;
import java.io.IOException;
import java.util.Arrays;

/**
 * The first frame of a GIF on its screen. Around it is the transparent colour's entry of the
 * palette, or else the first, as Pillow has it.
 */
final class GifPicture implements Picture {

  private static final int PALETTE_FOLLOWS = 0x80;

  private final byte[] file;
  private final Picture frame;
  private final Rectangle frameBounds;
  private final int width;
  private final int height;
  private byte[] background = new byte[3];

  /** Reads the header up to the first frame. */
  GifPicture(byte[] file) throws IOException {
    this.file = file;
    try {
      int globalPalette = 13;
      int globalEntries = entries(file[10]);
      int at = globalPalette + 3 * globalEntries;
      int transparent = 0;
      while (file[at] == '!') {
        if ((file[at + 1] & 0xFF) == 0xF9 && (file[at + 3] & 1) != 0) {
          transparent = file[at + 6] & 0xFF;
        }
        at += 2;
        while (file[at] != 0) {
          at += 1 + (file[at] & 0xFF);
        }
        at++;
      }
      if (file[at] != ',') {
        throw new IOException("The GIF has no image.");
      }
      frameBounds =
          new Rectangle(
              unsigned16(at + 1), unsigned16(at + 3), unsigned16(at + 5), unsigned16(at + 7));
      int localEntries = entries(file[at + 9]);
      int palette = localEntries > 0 ? at + 10 : globalPalette;
      if (transparent < (localEntries > 0 ? localEntries : globalEntries)) {
        background =
            Arrays.copyOfRange(file, palette + 3 * transparent, palette + 3 * transparent + 3);
      }
      width = Math.max(unsigned16(6), frameBounds.x + frameBounds.width);
      height = Math.max(unsigned16(8), frameBounds.y + frameBounds.height);
    } catch (IndexOutOfBoundsException e) {
      throw (IOException) new EOFException("The GIF data ends early.").initCause(e);
    }
    frame = ImageIoPicture.gifFrame(file);
  }

  private static int entries(byte flags) {
    return (flags & PALETTE_FOLLOWS) == 0 ? 0 : 2 << (flags & 7);
  }

  private int unsigned16(int at) {
    return (file[at] & 0xFF) | (file[at + 1] & 0xFF) << 8;
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
    return frame.bytesPerPixel();
  }

  @Override
  public void read(Rectangle region, Rows rows) throws IOException {
    new Inset(frameBounds, background).read(region, frame::read, rows);
  }

  @Override
  public void close() {
    frame.close();
  }
}
