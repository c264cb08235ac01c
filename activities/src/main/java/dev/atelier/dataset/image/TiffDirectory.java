package dev.atelier.dataset.image;

import java.awt.image.IndexColorModel;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;
import java.util.OptionalInt;

/** The first directory of TIFF's tags, which TIFF files begin with and EXIF is made of. */
final class TiffDirectory {

  private static final int ORIENTATION = 0x0112;
  private static final int COLOR_MAP = 0x0140;
  private static final int ENTRY_BYTES = 12;

  private final ByteBuffer tiff;

  /** Of what lies in {@code file} from {@code offset}. */
  TiffDirectory(byte[] file, int offset, int length) {
    tiff = ByteBuffer.wrap(file, offset, length).slice();
    tiff.order(length > 0 && tiff.get(0) == 'I' ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
  }

  /** How the picture is to be turned; a damaged directory turns nothing. */
  Turn turn() {
    try {
      OptionalInt entry = find(ORIENTATION);
      return entry.isPresent() ? Turn.of(tiff.getShort(entry.getAsInt() + 8) & 0xFFFF) : Turn.NONE;
    } catch (IndexOutOfBoundsException e) {
      return Turn.NONE;
    }
  }

  /** The palette, of whose 16 bits the upper 8 are kept, as Pillow does. */
  Optional<IndexColorModel> palette() {
    OptionalInt entry = find(COLOR_MAP);
    if (entry.isEmpty()) {
      return Optional.empty();
    }
    int colors = tiff.getInt(entry.getAsInt() + 4) / 3;
    if (colors < 1 || colors > 256) {
      return Optional.empty();
    }
    int at = tiff.getInt(entry.getAsInt() + 8);
    byte[][] channels = new byte[3][colors];
    for (int c = 0; c < 3; c++) {
      for (int i = 0; i < colors; i++) {
        channels[c][i] = (byte) (tiff.getShort(at + 2 * (c * colors + i)) >> 8);
      }
    }
    return Optional.of(
        new IndexColorModel(Byte.SIZE, colors, channels[0], channels[1], channels[2]));
  }

  /** Where the entry of a tag lies. */
  private OptionalInt find(int tag) {
    int directory = tiff.getInt(4);
    int entries = tiff.getShort(directory) & 0xFFFF;
    for (int i = 0; i < entries; i++) {
      int entry = directory + 2 + i * ENTRY_BYTES;
      if ((tiff.getShort(entry) & 0xFFFF) == tag) {
        return OptionalInt.of(entry);
      }
    }
    return OptionalInt.empty();
  }
}
