package dev.atelier.untrusted;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the start of a {@code .npy} array says of it, format versions 1 to 3.
 *
 * @param descr NumPy's name of an element's type, such as {@code <f8}; a list of fields for a
 *     structured one
 * @param fortranOrder whether the first axis runs fastest
 * @param shape elements along each axis
 * @param elements their product
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record NpyHeader(String descr, boolean fortranOrder, int[] shape, long elements) {

  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
  private static final int MAX_BYTES = 1 << 16;
  private static final long LARGEST_ELEMENT = 8; // bytes; whose count must stay a long
  private static final Pattern DESCR = Pattern.compile("'descr':\\s*(?:'([^']*)'|(\\[.*?\\]))");
  private static final Pattern ORDER = Pattern.compile("'fortran_order':\\s*(True|False)");
  // NumPy on Python 2 wrote 64L.
  private static final Pattern SHAPE = Pattern.compile("'shape':\\s*\\(([0-9L, ]*)\\)");

  /**
   * Reads a header; {@code in} then stands at the first element.
   *
   * @param name of the array, for messages
   * @throws IOException if there is none, or it is not understood
   */
  public static NpyHeader read(String name, InputStream in) throws IOException {
    byte[] start = in.readNBytes(MAGIC.length + 2);
    if (start.length < MAGIC.length + 2
        || !Arrays.equals(Arrays.copyOf(start, MAGIC.length), MAGIC)) {
      throw new IOException("Array '%s' is no .npy file.".formatted(name));
    }
    int lengthBytes = start[MAGIC.length] == 1 ? 2 : 4;
    long length = littleEndian(in.readNBytes(lengthBytes));
    if (length > MAX_BYTES) {
      throw new IOException("Array '%s' has a header of %d bytes.".formatted(name, length));
    }
    String header = new String(in.readNBytes((int) length), StandardCharsets.UTF_8);
    String descr = field(name, header, DESCR);
    boolean fortran = field(name, header, ORDER).equals("True");
    try {
      int[] shape =
          Arrays.stream(field(name, header, SHAPE).split(",", -1))
              .map(size -> size.replace("L", "").strip())
              .filter(size -> !size.isEmpty())
              .mapToInt(Integer::parseInt)
              .toArray();
      long elements = 1;
      for (int size : shape) {
        elements = Math.multiplyExact(elements, (long) size);
      }
      Math.multiplyExact(elements, LARGEST_ELEMENT);
      return new NpyHeader(descr, fortran, shape, elements);
    } catch (NumberFormatException | ArithmeticException e) {
      throw new IOException("Array '%s' has too many elements.".formatted(name), e);
    }
  }

  private static long littleEndian(byte[] bytes) {
    long value = 0;
    for (int i = bytes.length - 1; i >= 0; i--) {
      value = value << 8 | (bytes[i] & 0xff);
    }
    return value;
  }

  private static String field(String name, String header, Pattern pattern) throws IOException {
    Matcher matcher = pattern.matcher(header);
    if (!matcher.find()) {
      throw new IOException(
          "Array '%s' has the header %s, which is not understood.".formatted(name, header.strip()));
    }
    String plain = matcher.group(1);
    return plain == null ? matcher.group(2) : plain;
  }

  /** Such as <f4[2048]. */
  @Override
  public String toString() {
    return descr + Arrays.toString(shape);
  }
}
