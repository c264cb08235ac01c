package dev.atelier.dataset.image;

import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The first image of a JPEG file: from its start to its own end marker, whatever follows.
 *
 * <p>It is written anew with nothing but what its pixels need, so that every reader takes the same
 * colours from it: no profile, no EXIF, no thumbnail, and an Adobe marker that says what libjpeg
 * would have guessed.
 */
final class JpegStream {

  private static final int START_OF_IMAGE = 0xD8;
  private static final int END_OF_IMAGE = 0xD9;
  private static final int START_OF_SCAN = 0xDA;
  private static final int APP0 = 0xE0;
  private static final int APP1 = 0xE1;
  private static final int APP14 = 0xEE;
  private static final int APP15 = 0xEF;
  private static final int COMMENT = 0xFE;
  private static final byte[] ADOBE = {0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, 0};

  private final byte[] file;
  private final byte[] pixels; // what is kept; never longer than the file but for one marker
  private int written;
  private int at = 2;
  private boolean jfif;
  private int adobeTransform = -1;
  private Turn turn = Turn.NONE;
  private int[] componentIds = {};
  private long coefficientBytes;

  private JpegStream(byte[] file) {
    this.file = file;
    this.pixels = new byte[file.length + ADOBE.length + 2];
  }

  /**
   * Reads the segments.
   *
   * @throws IOException when the file ends before the image does
   */
  static JpegStream parse(byte[] file) throws IOException {
    JpegStream stream = new JpegStream(file);
    try {
      stream.write(START_OF_IMAGE);
      stream.segments();
    } catch (IndexOutOfBoundsException e) {
      throw (IOException) new EOFException("The JPEG data ends early.").initCause(e);
    }
    return stream;
  }

  /** The stream without all that does not make pixels. */
  BytesInput input() {
    return new BytesInput(pixels, written);
  }

  Turn turn() {
    return turn;
  }

  int components() {
    return componentIds.length;
  }

  /** Whether four components are luminance, two of colour, and black. */
  boolean isYcck() {
    return components() == 4 && adobeTransform > 0;
  }

  /** Native memory of a progressive image, whose scans add to coefficients; 0 for others. */
  long coefficientBytes() {
    return coefficientBytes;
  }

  private void segments() throws IOException {
    while (true) {
      int marker = marker();
      if (marker == END_OF_IMAGE) {
        write(marker);
        return;
      }
      if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8)) {
        continue; // alone, without a length
      }
      int length = unsigned16(at);
      int end = at + length;
      if (length < 2 || end > file.length) {
        throw new EOFException("The JPEG data ends early.");
      }
      if (marker >= APP0 && marker <= APP15) {
        application(marker, at + 2, end);
      } else if (marker != COMMENT) {
        if (isFrame(marker)) {
          frame(marker, at + 2);
        }
        write(marker);
        write(file, at, length);
      }
      at = end;
      if (marker == START_OF_SCAN) {
        scan();
      }
    }
  }

  /** The next marker; bytes before it are passed over, as libjpeg does. */
  private int marker() {
    while (true) {
      while (file[at] != (byte) 0xFF) {
        at++;
      }
      while (file[at] == (byte) 0xFF) {
        at++;
      }
      int marker = file[at++] & 0xFF;
      if (marker != 0) {
        return marker;
      }
    }
  }

  /** Copies entropy-coded data, in which FF 00 is a byte and FF D0 to FF D7 go on. */
  private void scan() {
    int start = at;
    while (true) {
      while (file[at] != (byte) 0xFF) {
        at++;
      }
      int next = file[at + 1] & 0xFF;
      if (next == 0xFF) {
        at++;
      } else if (next == 0 || (next >= 0xD0 && next <= 0xD7)) {
        at += 2;
      } else {
        write(file, start, at - start);
        return;
      }
    }
  }

  private void application(int marker, int start, int end) {
    if (marker == APP0 && end - start >= 14 && startsWith(start, "JFIF\0")) {
      jfif = true;
    } else if (marker == APP14 && end - start >= 12 && startsWith(start, "Adobe")) {
      adobeTransform = file[start + 11] & 0xFF;
    } else if (marker == APP1 && end - start > 14 && startsWith(start, "Exif\0")) {
      turn = new TiffDirectory(file, start + 6, end - start - 6).turn();
    }
  }

  private boolean startsWith(int start, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
    return Arrays.equals(file, start, start + bytes.length, bytes, 0, bytes.length);
  }

  private static boolean isFrame(int marker) {
    return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
  }

  private void frame(int marker, int start) throws IOException {
    if (componentIds.length > 0) {
      throw new IOException("The JPEG has two frames.");
    }
    int height = unsigned16(start + 1);
    int width = unsigned16(start + 3);
    componentIds = new int[file[start + 5] & 0xFF];
    int widest = 1;
    int highest = 1;
    for (int i = 0; i < componentIds.length; i++) {
      componentIds[i] = file[start + 6 + 3 * i] & 0xFF;
      widest = Math.max(widest, (file[start + 7 + 3 * i] & 0xFF) >> 4);
      highest = Math.max(highest, file[start + 7 + 3 * i] & 0xF);
    }
    if (marker == 0xC2) {
      for (int i = 0; i < componentIds.length; i++) {
        int across = (file[start + 7 + 3 * i] & 0xFF) >> 4;
        int down = file[start + 7 + 3 * i] & 0xF;
        coefficientBytes += 2L * width * height * across * down / ((long) widest * highest);
      }
    }
    writeAdobe();
  }

  /** Says what the components mean, by the rules of libjpeg's {@code default_decompress_parms}. */
  private void writeAdobe() throws IOException {
    if (components() == 3) {
      boolean rgb =
          !jfif
              && (adobeTransform == 0
                  || (adobeTransform < 0
                      && Arrays.equals(componentIds, new int[] {'R', 'G', 'B'})));
      adobeTransform = rgb ? 0 : 1;
    } else if (components() == 4) {
      adobeTransform = adobeTransform > 0 ? 2 : 0;
    } else if (components() == 1) {
      return;
    } else {
      throw new IOException(
          "Expected a JPEG of 1, 3 or 4 components, found %d.".formatted(components()));
    }
    write(APP14);
    write(ADOBE, 0, ADOBE.length);
    pixels[written - 1] = (byte) adobeTransform;
  }

  private void write(int marker) {
    pixels[written++] = (byte) 0xFF;
    pixels[written++] = (byte) marker;
  }

  private void write(byte[] bytes, int from, int length) {
    System.arraycopy(bytes, from, pixels, written, length);
    written += length;
  }

  private int unsigned16(int offset) {
    return (file[offset] & 0xFF) << 8 | (file[offset + 1] & 0xFF);
  }
}
