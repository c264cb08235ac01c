package dev.atelier.dataset.image;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;

/** What a PNG's reader doesn't look at: checksums, and how the picture is to be turned. */
final class PngChunks {

  private static final int SIGNATURE_BYTES = 8;
  private static final int FRAME_BYTES = 12; // length, type and checksum

  private PngChunks() {}

  /**
   * Checks the chunks that make pixels.
   *
   * @return the turn that EXIF names
   * @throws IOException when one is damaged or ends early
   */
  static Turn check(byte[] file) throws IOException {
    ByteBuffer chunks = ByteBuffer.wrap(file);
    Turn turn = Turn.NONE;
    int at = SIGNATURE_BYTES;
    while (at + FRAME_BYTES <= file.length) {
      int length = chunks.getInt(at);
      String type = new String(file, at + 4, 4, StandardCharsets.ISO_8859_1);
      if (length < 0 || length > file.length - at - FRAME_BYTES) {
        throw new EOFException("The PNG data ends early.");
      }
      if (type.equals("IEND")) {
        return turn;
      }
      if (Character.isUpperCase(type.charAt(0))) { // what no reader may pass over
        CRC32 crc = new CRC32();
        crc.update(file, at + 4, 4 + length);
        if ((int) crc.getValue() != chunks.getInt(at + 8 + length)) {
          throw new IOException("The PNG's %s chunk is damaged.".formatted(type));
        }
      } else if (type.equals("eXIf")) {
        turn = new TiffDirectory(file, at + 8, length).turn();
      }
      at += FRAME_BYTES + length;
    }
    return turn;
  }
}
