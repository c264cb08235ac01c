package dev.atelier.evaluation;

import dev.atelier.untrusted.HeapBudget;
import dev.atelier.untrusted.NpyHeader;
import dev.atelier.untrusted.ZipDirectory;
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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
  private static final long MAX_BYTES = 1 << 28; // of doubles; 5,792 features squared
  private static final int MAX_DIRECTORY_BYTES = 1 << 20; // of the zip
  private static final int CHUNK = 1 << 16; // bytes, a multiple of each number's
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
   * Reads the arrays that are wanted and there, by name. They may take an eighth of the heap, and
   * 256 MiB, as they are held: float64 whatever the file has.
   *
   * @throws IOException if the file is no such archive, or an array is too large
   */
  static Map<String, Entry> read(Path file, List<String> wanted) throws IOException {
    return read(file, wanted, List.of());
  }

  /**
   * Reads wanted arrays, and those of {@code scalars} that are one number or one text: another
   * tool's array of the same name is skipped, whatever it is.
   */
  static Map<String, Entry> read(Path file, List<String> wanted, List<String> scalars)
      throws IOException {
    ZipDirectory.of(file).require(MAX_DIRECTORY_BYTES);
    Map<String, Entry> arrays = new LinkedHashMap<>();
    long most = Math.min(MAX_BYTES, HeapBudget.contentBytes());
    long left = most;
    try (ZipFile zip = new ZipFile(file.toFile())) {
      for (String name : wanted) {
        ZipEntry entry = zip.getEntry(name + ".npy");
        if (entry != null) {
          try (InputStream in = zip.getInputStream(entry)) {
            Entry array = array(name, in, entry.getSize(), new Room(left, most));
            left -= array.heldBytes();
            arrays.put(name, array);
          }
        }
      }
      for (String name : scalars) {
        ZipEntry entry = zip.getEntry(name + ".npy");
        if (entry != null) {
          scalar(name, zip, entry, new Room(left, most))
              .ifPresent(scalar -> arrays.put(name, scalar));
        }
      }
    }
    return arrays;
  }

  /**
   * What arrays may still take.
   *
   * @param left bytes
   * @param most bytes of all arrays, for the message
   */
  private record Room(long left, long most) {
    void require(String name, long held) throws IOException {
      if (held > left) {
        throw new IOException(
            "Array '%s' takes %d bytes as float64, and with those before it more than the %d that this worker's heap has room for."
                .formatted(name, held, most));
      }
    }
  }

  private static Optional<Entry> scalar(String name, ZipFile zip, ZipEntry entry, Room room)
      throws IOException {
    try (InputStream in = zip.getInputStream(entry)) {
      if (NpyHeader.read(name, in).shape().length > 0) {
        return Optional.empty();
      }
    } catch (IOException e) {
      return Optional.empty(); // no array of ours
    }
    try (InputStream in = zip.getInputStream(entry)) {
      return Optional.of(array(name, in, entry.getSize(), room));
    }
  }

  private static Entry array(String name, InputStream in, long fileBytes, Room room)
      throws IOException {
    NpyHeader header = NpyHeader.read(name, in);
    String descr = header.descr();
    boolean fortran = header.fortranOrder();
    int[] shape = header.shape();
    long elements = header.elements();
    if (descr.matches("<U[0-9]{1,6}") && shape.length == 0) {
      int textBytes = 4 * Integer.parseInt(descr.substring(2));
      room.require(name, textBytes);
      byte[] bytes = exactly(name, in, textBytes);
      String text = new String(bytes, UTF_32).replaceAll("\0+$", "");
      return new Entry(descr, shape, Optional.empty(), Optional.of(text));
    }
    boolean transposed = fortran && shape.length == 2;
    // Transposing holds both for a moment.
    room.require(name, elements * Double.BYTES * (transposed ? 2 : 1));
    Optional<double[]> numbers = numbers(name, in, fileBytes, descr, elements);
    if (numbers.isPresent() && transposed) {
      numbers = Optional.of(transposed(numbers.get(), shape[1], shape[0]));
    } else if (fortran && shape.length > 2) {
      numbers = Optional.empty();
    }
    return new Entry(descr, shape, numbers, Optional.empty());
  }

  /** Numbers are turned into float64 piece by piece: the file's own are never held too. */
  private static Optional<double[]> numbers(
      String name, InputStream in, long size, String descr, long elements) throws IOException {
    int width =
        switch (descr) {
          case "<f8", "<i8" -> 8;
          case "<f4", "<i4" -> 4;
          default -> 0;
        };
    if (width == 0) {
      return Optional.empty();
    }
    if (size < elements * width) {
      throw endsEarly(name, elements * width, size);
    }
    double[] values = new double[(int) elements];
    for (int i = 0; i < values.length; ) {
      int bytes = (int) Math.min(CHUNK, (long) (values.length - i) * width);
      ByteBuffer chunk = ByteBuffer.wrap(exactly(name, in, bytes)).order(ByteOrder.LITTLE_ENDIAN);
      for (int end = i + bytes / width; i < end; i++) {
        values[i] =
            switch (descr) {
              case "<f8" -> chunk.getDouble();
              case "<f4" -> chunk.getFloat();
              case "<i8" -> (double) chunk.getLong();
              default -> chunk.getInt();
            };
      }
    }
    return Optional.of(values);
  }

  private static byte[] exactly(String name, InputStream in, int length) throws IOException {
    byte[] bytes = in.readNBytes(length);
    if (bytes.length < length) {
      throw endsEarly(name, length, bytes.length);
    }
    return bytes;
  }

  private static IOException endsEarly(String name, long expected, long found) {
    return new IOException(
        "Array '%s' ends early: expected %d bytes, found %d.".formatted(name, expected, found));
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
