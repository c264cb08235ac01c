package dev.atelier.evaluation;

import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.Arrays;
import java.util.Enumeration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/**
 * NumPy's {@code .npz}: a zip of {@code .npy} arrays, format versions 1 to 3. Reads little-endian
 * numbers and text, skips other arrays; writes float64 and text.
 */
final class NumpyArchive {

  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
  private static final int MAX_HEADER = 1 << 16;
  private static final int MAX_BYTES = 1 << 28; // of all arrays; 5,792 features squared
  private static final Pattern DESCR = Pattern.compile("'descr':\\s*'([^']*)'");
  private static final Pattern ORDER = Pattern.compile("'fortran_order':\\s*(True|False)");
  private static final Pattern SHAPE = Pattern.compile("'shape':\\s*\\(([0-9, ]*)\\)");
  private static final Charset UTF_32 = Charset.forName("UTF-32LE");
  private static final LocalDateTime EPOCH = LocalDateTime.of(1980, 1, 1, 0, 0); // of zip

  private NumpyArchive() {}

  /** One array, in C order: numbers, or one text. */
  static final class Entry {
    private final String descr;
    private final int[] shape;
    private final Optional<double[]> numbers;
    private final Optional<String> text;

    private Entry(String descr, int[] shape, Optional<double[]> numbers, Optional<String> text) {
      this.descr = descr;
      this.shape = shape;
      this.numbers = numbers;
      this.text = text;
    }

    static Entry of(double[] values, int... shape) {
      return new Entry("<f8", shape.clone(), Optional.of(values.clone()), Optional.empty());
    }

    static Entry of(String text) {
      int characters = text.codePointCount(0, text.length());
      return new Entry("<U" + characters, new int[0], Optional.empty(), Optional.of(text));
    }

    int[] shape() {
      return shape.clone();
    }

    Optional<double[]> numbers() {
      return numbers;
    }

    Optional<String> text() {
      return text;
    }

    private long heldBytes() {
      return numbers.map(values -> (long) values.length * Double.BYTES).orElse(0L)
          + text.map(String::length).orElse(0);
    }

    private byte[] bytes() {
      if (text.isPresent()) {
        return text.get().getBytes(UTF_32);
      }
      double[] values = numbers.orElseThrow();
      ByteBuffer bytes =
          ByteBuffer.allocate(values.length * Double.BYTES).order(ByteOrder.LITTLE_ENDIAN);
      bytes.asDoubleBuffer().put(values);
      return bytes.array();
    }

    /** Such as <f4[2048]. */
    @Override
    public String toString() {
      return descr + Arrays.toString(shape);
    }
  }

  /**
   * Reads every array, by name.
   *
   * @throws IOException if the file is no such archive
   */
  static Map<String, Entry> read(Path file) throws IOException {
    Map<String, Entry> arrays = new LinkedHashMap<>();
    long left = MAX_BYTES;
    try (ZipFile zip = new ZipFile(file.toFile())) {
      Enumeration<? extends ZipEntry> entries = zip.entries();
      while (entries.hasMoreElements()) {
        ZipEntry entry = entries.nextElement();
        if (entry.getName().endsWith(".npy")) {
          String name = entry.getName().substring(0, entry.getName().length() - ".npy".length());
          try (InputStream in = zip.getInputStream(entry)) {
            Entry array = array(name, in, left);
            left -= array.heldBytes();
            arrays.put(name, array);
          }
        }
      }
    }
    return arrays;
  }

  private static Entry array(String name, InputStream in, long left) throws IOException {
    byte[] start = in.readNBytes(MAGIC.length + 2);
    if (start.length < MAGIC.length + 2
        || !Arrays.equals(Arrays.copyOf(start, MAGIC.length), MAGIC)) {
      throw new IOException("Array '%s' is no .npy file.".formatted(name));
    }
    int lengthBytes = start[MAGIC.length] == 1 ? 2 : 4;
    long length = littleEndian(in.readNBytes(lengthBytes));
    if (length > MAX_HEADER) {
      throw new IOException("Array '%s' has a header of %d bytes.".formatted(name, length));
    }
    String header = new String(in.readNBytes((int) length), StandardCharsets.UTF_8);
    String descr = field(name, header, DESCR);
    boolean fortran = field(name, header, ORDER).equals("True");
    int[] shape;
    long elements = 1;
    try {
      shape =
          Arrays.stream(field(name, header, SHAPE).split(",", -1))
              .map(String::strip)
              .filter(size -> !size.isEmpty())
              .mapToInt(Integer::parseInt)
              .toArray();
      for (int size : shape) {
        elements = Math.multiplyExact(elements, (long) size);
      }
      Math.multiplyExact(elements, Double.BYTES);
    } catch (NumberFormatException | ArithmeticException e) {
      throw new IOException("Array '%s' has too many elements.".formatted(name), e);
    }
    if (descr.matches("<U[0-9]{1,6}") && shape.length == 0) {
      byte[] bytes = exactly(name, in, 4L * Integer.parseInt(descr.substring(2)), left);
      String text = new String(bytes, UTF_32).replaceAll("\0+$", "");
      return new Entry(descr, shape, Optional.empty(), Optional.of(text));
    }
    Optional<double[]> numbers = numbers(name, in, descr, elements, left);
    if (numbers.isPresent() && fortran && shape.length == 2) {
      numbers = Optional.of(transposed(numbers.get(), shape[1], shape[0]));
    } else if (fortran && shape.length > 2) {
      numbers = Optional.empty();
    }
    return new Entry(descr, shape, numbers, Optional.empty());
  }

  private static Optional<double[]> numbers(
      String name, InputStream in, String descr, long elements, long left) throws IOException {
    int width =
        switch (descr) {
          case "<f8", "<i8" -> 8;
          case "<f4", "<i4" -> 4;
          default -> 0;
        };
    if (width == 0) {
      return Optional.empty();
    }
    ByteBuffer bytes =
        ByteBuffer.wrap(exactly(name, in, elements * width, left)).order(ByteOrder.LITTLE_ENDIAN);
    double[] values = new double[(int) elements];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (descr) {
            case "<f8" -> bytes.getDouble();
            case "<f4" -> bytes.getFloat();
            case "<i8" -> (double) bytes.getLong();
            default -> bytes.getInt();
          };
    }
    return Optional.of(values);
  }

  private static byte[] exactly(String name, InputStream in, long length, long left)
      throws IOException {
    if (length > left) {
      throw new IOException(
          "With array '%s' there are more than %d bytes of arrays, which are too many."
              .formatted(name, MAX_BYTES));
    }
    byte[] bytes = in.readNBytes((int) length);
    if (bytes.length < length) {
      throw new IOException(
          "Array '%s' ends early: expected %d bytes, found %d."
              .formatted(name, length, bytes.length));
    }
    return bytes;
  }

  private static double[] transposed(double[] values, int rows, int columns) {
    double[] result = new double[values.length];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        result[j * rows + i] = values[i * columns + j];
      }
    }
    return result;
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
    return matcher.group(1);
  }

  /** Writes arrays; the same ones give the same bytes. */
  static void write(Path file, Map<String, Entry> arrays) throws IOException {
    try (OutputStream out = Files.newOutputStream(file);
        ZipOutputStream zip = new ZipOutputStream(out)) {
      for (Map.Entry<String, Entry> array : arrays.entrySet()) {
        ZipEntry entry = new ZipEntry(array.getKey() + ".npy");
        entry.setTimeLocal(EPOCH);
        zip.putNextEntry(entry);
        write(new DataOutputStream(zip), array.getValue());
        zip.closeEntry();
      }
    }
  }

  private static void write(DataOutputStream out, Entry array) throws IOException {
    String shape =
        Arrays.stream(array.shape)
            .mapToObj(size -> size + ",")
            .collect(Collectors.joining(" ", "(", ")"));
    String header =
        "{'descr': '%s', 'fortran_order': False, 'shape': %s, }".formatted(array.descr, shape);
    int before = MAGIC.length + 2 + 2 + header.length() + 1;
    String padded = header + " ".repeat(Math.floorMod(-before, 64)) + "\n"; // data is aligned
    out.write(MAGIC);
    out.write(new byte[] {1, 0});
    out.writeShort(Short.reverseBytes((short) padded.length()));
    out.write(padded.getBytes(StandardCharsets.US_ASCII));
    out.write(array.bytes());
    out.flush();
  }
}
