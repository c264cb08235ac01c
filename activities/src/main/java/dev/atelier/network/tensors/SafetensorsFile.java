package dev.atelier.network.tensors;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * A safetensors file: named tensors and a map of strings, offsets in 64 bits. Tensors are written
 * one by one from where they are, and read by mapping the file: neither copies them to the heap.
 * Tensors of half precision (F16, BF16) are read as F32, which is exact, whenever their elements
 * are read.
 *
 * @param tensors by name
 * @param metadata free strings
 * @param dtypes of its tensors, as the file has them
 */
public record SafetensorsFile(
    Map<String, HostTensor> tensors, Map<String, String> metadata, Set<String> dtypes) {
  private static final int MAX_HEADER_BYTES = 25_000_000; // 100,000 tensors; other readers: 100 MB
  private static final int ALIGNMENT = 8;

  /** Writes {@code tensors} and {@code metadata} to {@code file}, and forces them to the disk. */
  public static void write(Path file, Map<String, HostTensor> tensors, Map<String, String> metadata)
      throws IOException {
    byte[] header = SafetensorsHeader.encode(tensors, metadata, ALIGNMENT);
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      ByteBuffer length = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
      writeFully(channel, length.putLong(header.length).flip());
      writeFully(channel, ByteBuffer.wrap(header));
      for (HostTensor tensor : tensors.values()) {
        tensor.writeTo(channel);
      }
      channel.force(true);
    }
  }

  private static void writeFully(FileChannel channel, ByteBuffer data) throws IOException {
    while (data.hasRemaining()) {
      channel.write(data);
    }
  }

  /**
   * Opens {@code file}; the tensors are views of it, in order of their data.
   *
   * @throws IOException if it is no valid safetensors file; the message says what is wrong
   */
  public static SafetensorsFile read(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long size = channel.size();
      long headerBytes = headerBytes(channel, file);
      SafetensorsHeader parsed = header(channel, file, headerBytes);
      long dataStart = 8 + headerBytes;
      Map<String, HostTensor> tensors = new LinkedHashMap<>();
      long end = 0;
      for (SafetensorsHeader.Entry entry : parsed.entries()) {
        if (entry.begin() != end) {
          throw corrupt(
              file,
              "tensor '%s' starts at %d, expected %d".formatted(entry.name(), entry.begin(), end));
        }
        end = entry.end();
        if (end > size - dataStart) {
          throw corrupt(
              file,
              "tensor '%s' ends at %d, but the file has %d bytes of data"
                  .formatted(entry.name(), end, size - dataStart));
        }
        tensors.put(entry.name(), map(channel, file, dataStart, entry));
      }
      if (end != size - dataStart) {
        throw corrupt(file, "expected %d bytes of data, found %d".formatted(end, size - dataStart));
      }
      return new SafetensorsFile(tensors, parsed.metadata(), dtypes(parsed));
    }
  }

  /**
   * The types of the tensors of {@code file}, by its header alone.
   *
   * @throws IOException if it is no safetensors file; the message says what is wrong
   */
  public static Set<String> dtypes(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      return dtypes(header(channel, file, headerBytes(channel, file)));
    }
  }

  private static Set<String> dtypes(SafetensorsHeader header) {
    Set<String> dtypes = new TreeSet<>();
    header.entries().forEach(entry -> dtypes.add(entry.dtype().name()));
    return dtypes;
  }

  private static long headerBytes(FileChannel channel, Path file) throws IOException {
    long size = channel.size();
    if (size < 8) {
      throw corrupt(file, "expected at least 8 bytes, found %d".formatted(size));
    }
    ByteBuffer length = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
    readFully(channel, length, 0);
    long headerBytes = length.flip().getLong();
    if (headerBytes < 2 || headerBytes > size - 8) {
      throw corrupt(
          file, "its header claims %d bytes in a file of %d".formatted(headerBytes, size));
    }
    if (headerBytes > MAX_HEADER_BYTES) {
      throw corrupt(
          file,
          "its header has %d bytes, expected at most %d".formatted(headerBytes, MAX_HEADER_BYTES));
    }
    return headerBytes;
  }

  private static SafetensorsHeader header(FileChannel channel, Path file, long headerBytes)
      throws IOException {
    try {
      // Mapped, not copied to the heap.
      return SafetensorsHeader.decode(channel.map(FileChannel.MapMode.READ_ONLY, 8, headerBytes));
    } catch (IllegalArgumentException e) {
      throw corrupt(file, e.getMessage());
    }
  }

  private static HostTensor map(
      FileChannel channel, Path file, long dataStart, SafetensorsHeader.Entry entry)
      throws IOException {
    long bytes = entry.end() - entry.begin();
    if (bytes > Integer.MAX_VALUE) {
      throw corrupt(file, "tensor '%s' is larger than 2 GiB".formatted(entry.name()));
    }
    ByteBuffer data =
        bytes == 0
            ? ByteBuffer.allocate(0)
            : channel.map(FileChannel.MapMode.READ_ONLY, dataStart + entry.begin(), bytes);
    try {
      long[] shape = entry.shape().stream().mapToLong(Long::longValue).toArray();
      return switch (entry.dtype()) {
        case F16 -> new HostTensor(HalfPrecision.F16, shape, data);
        case BF16 -> new HostTensor(HalfPrecision.BF16, shape, data);
        case F32, F64, I64, U8 -> new HostTensor(entry.dtype().held(), shape, data);
      };
    } catch (IllegalArgumentException e) {
      throw corrupt(file, "tensor '%s': %s".formatted(entry.name(), e.getMessage()));
    } catch (ArithmeticException e) {
      throw corrupt(file, "tensor '%s' has the shape %s".formatted(entry.name(), entry.shape()));
    }
  }

  private static void readFully(FileChannel channel, ByteBuffer into, long position)
      throws IOException {
    while (into.hasRemaining()) {
      int n = channel.read(into, position + into.position());
      if (n < 0) {
        throw new EOFException("unexpected end of file");
      }
    }
  }

  private static SafetensorsException corrupt(Path file, String reason) {
    return new SafetensorsException(file, reason);
  }
}
