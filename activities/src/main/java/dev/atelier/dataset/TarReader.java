package dev.atelier.dataset;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Reads a tar from front to back, names as their bytes: libraries decode those of pax headers, so
 * that names that are no UTF-8 become alike. Headers of v7, ustar (POSIX.1-1988), pax
 * (POSIX.1-2001) and GNU tar.
 */
final class TarReader {

  static final int BLOCK = 512;
  private static final int MAX_NAME_BYTES = 1 << 15;
  private static final int MAX_PAX_BYTES = 1 << 20;
  private static final int CHECKSUM_AT = 148;
  private static final int CHECKSUM_END = 156;
  private static final String DAMAGED = "The archive's headers are damaged.";
  private static final String ENDS_EARLY = "The archive ends early.";

  /** What an entry is. */
  enum Kind {
    FILE,
    FOLDER,
    HARD_LINK,
    SYMBOLIC_LINK,
    /** A file with holes, or a part of one. */
    SPARSE,
    DEVICE
  }

  /**
   * A file, folder or link of the archive.
   *
   * @param name {@link EntryName#decode decoded}, as it is written
   * @param size bytes of its content
   * @param target what a link leads to, as it is written; else empty
   */
  record Entry(String name, Kind kind, long size, String target) {}

  private final InputStream in;
  private long left; // of the entry's content
  private long padding; // from there to the next header

  TarReader(InputStream in) {
    this.in = in;
  }

  /** Whether a file begins with a header of a tar. */
  static boolean isHeader(byte[] block) {
    return block.length == BLOCK && !isZero(block) && hasChecksum(block);
  }

  /**
   * Goes on to the next entry; empty after the last.
   *
   * @throws IOException when headers are damaged, or the archive ends within an entry
   */
  Optional<Entry> next() throws IOException {
    Map<String, byte[]> pax = new HashMap<>();
    while (true) {
      skipContent();
      byte[] header = in.readNBytes(BLOCK);
      if ((header.length == 0 && pax.isEmpty()) || (header.length == BLOCK && isZero(header))) {
        return Optional.empty();
      }
      if (header.length < BLOCK) {
        throw new EOFException(ENDS_EARLY);
      }
      if (!hasChecksum(header)) {
        throw new IOException(DAMAGED);
      }
      long size = pax.containsKey("size") ? decimal(pax.get("size")) : number(header, 124, 12);
      if (size > Long.MAX_VALUE / 2) {
        throw new IOException(DAMAGED);
      }
      switch (header[156]) {
        case 'L' -> pax.put("path", untilZero(content(size, MAX_NAME_BYTES)));
        case 'K' -> pax.put("linkpath", untilZero(content(size, MAX_NAME_BYTES)));
        case 'x', 'X' -> readPax(content(size, MAX_PAX_BYTES), pax);
        case 'g' -> content(size, MAX_PAX_BYTES); // says nothing of names
        default -> {
          return Optional.of(entry(header, size, pax));
        }
      }
    }
  }

  private Entry entry(byte[] header, long size, Map<String, byte[]> pax) throws IOException {
    if (header[156] == 'S') {
      skipHoles(header);
    }
    byte[] path = pax.containsKey("path") ? pax.get("path") : path(header);
    byte[] sparse = pax.get("GNU.sparse.name");
    String name = EntryName.decode(sparse == null ? path : sparse);
    byte[] link =
        pax.containsKey("linkpath")
            ? pax.get("linkpath")
            : untilZero(Arrays.copyOfRange(header, 157, 257));
    boolean hasHoles = pax.keySet().stream().anyMatch(key -> key.startsWith("GNU.sparse."));
    Kind kind =
        switch (header[156]) {
          case '1' -> Kind.HARD_LINK;
          case '2' -> Kind.SYMBOLIC_LINK;
          case '3', '4', '6', 'V' -> Kind.DEVICE;
          case '5', 'D' -> Kind.FOLDER;
          case 'M', 'S' -> Kind.SPARSE;
          default -> hasHoles ? Kind.SPARSE : name.endsWith("/") ? Kind.FOLDER : Kind.FILE;
        };
    boolean isLink = kind == Kind.HARD_LINK || kind == Kind.SYMBOLIC_LINK;
    begin(isLink ? 0 : size); // links have none, whatever size they name
    return new Entry(name, kind, left, isLink ? EntryName.decode(link) : "");
  }

  /** GNU's own sparse files go on with blocks that list holes, before the content. */
  private void skipHoles(byte[] header) throws IOException {
    for (boolean more = header[482] != 0; more; ) {
      byte[] block = in.readNBytes(BLOCK);
      if (block.length < BLOCK) {
        throw new EOFException(ENDS_EARLY);
      }
      more = block[504] != 0;
    }
  }

  /** The content of the entry; its end is not the archive's. */
  InputStream content() {
    return new InputStream() {
      @Override
      public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
      }

      @Override
      public int read(byte[] buffer, int offset, int length) throws IOException {
        if (length == 0 || left == 0) {
          return length == 0 ? 0 : -1;
        }
        int read = in.read(buffer, offset, (int) Math.min(length, left));
        if (read < 0) {
          throw new EOFException(ENDS_EARLY);
        }
        left -= read;
        return read;
      }
    };
  }

  private void begin(long size) {
    left = size;
    padding = -size & (BLOCK - 1);
  }

  private void skipContent() throws IOException {
    long skip = left + padding;
    begin(0);
    try {
      in.skipNBytes(skip);
    } catch (EOFException e) {
      throw new EOFException(ENDS_EARLY);
    }
  }

  private byte[] content(long size, int mostBytes) throws IOException {
    if (size > mostBytes) {
      throw new IOException(DAMAGED);
    }
    begin(size);
    return content().readAllBytes();
  }

  private static void readPax(byte[] records, Map<String, byte[]> into) throws IOException {
    for (int at = 0; at < records.length; ) {
      int space = indexOf(records, (byte) ' ', at);
      long length = space < 0 ? 0 : decimal(Arrays.copyOfRange(records, at, space));
      int equals = space < 0 ? -1 : indexOf(records, (byte) '=', space);
      long end = at + length;
      if (equals < 0 || end > records.length || equals >= end || records[(int) end - 1] != '\n') {
        throw new IOException(DAMAGED);
      }
      String key = new String(records, space + 1, equals - space - 1, StandardCharsets.UTF_8);
      if (end - equals > MAX_NAME_BYTES && (key.equals("path") || key.equals("linkpath"))) {
        throw new IOException(DAMAGED);
      }
      into.put(key, Arrays.copyOfRange(records, equals + 1, (int) end - 1));
      at = (int) end;
    }
  }

  private static byte[] path(byte[] header) {
    byte[] name = untilZero(Arrays.copyOfRange(header, 0, 100));
    boolean isPosix = new String(header, 257, 6, StandardCharsets.US_ASCII).equals("ustar\0");
    byte[] prefix = isPosix ? untilZero(Arrays.copyOfRange(header, 345, 500)) : new byte[0];
    if (prefix.length == 0) {
      return name;
    }
    byte[] path = Arrays.copyOf(prefix, prefix.length + 1 + name.length);
    path[prefix.length] = '/';
    System.arraycopy(name, 0, path, prefix.length + 1, name.length);
    return path;
  }

  private static byte[] untilZero(byte[] field) {
    int end = indexOf(field, (byte) 0, 0);
    return end < 0 ? field : Arrays.copyOf(field, end);
  }

  private static int indexOf(byte[] bytes, byte wanted, int from) {
    for (int i = from; i < bytes.length; i++) {
      if (bytes[i] == wanted) {
        return i;
      }
    }
    return -1;
  }

  private static boolean isZero(byte[] block) {
    for (byte value : block) {
      if (value != 0) {
        return false;
      }
    }
    return true;
  }

  private static boolean hasChecksum(byte[] header) {
    long unsigned = 0;
    long signed = 0; // as old tars counted
    for (int i = 0; i < BLOCK; i++) {
      byte value = i >= CHECKSUM_AT && i < CHECKSUM_END ? (byte) ' ' : header[i];
      unsigned += value & 0xFF;
      signed += value;
    }
    try {
      long written = number(header, CHECKSUM_AT, CHECKSUM_END - CHECKSUM_AT);
      return written == unsigned || written == signed;
    } catch (IOException e) {
      return false;
    }
  }

  /** Octal digits, or a binary number where the first bit is set. */
  private static long number(byte[] header, int at, int length) throws IOException {
    if ((header[at] & 0x80) != 0) {
      long value = header[at] & 0x7F;
      for (int i = at + 1; i < at + length; i++) {
        if (value >> 55 != 0) {
          throw new IOException(DAMAGED);
        }
        value = (value << 8) | (header[i] & 0xFF);
      }
      return value;
    }
    String digits =
        new String(header, at, length, StandardCharsets.ISO_8859_1).replace('\0', ' ').strip();
    if (!digits.matches("[0-7]*")) {
      throw new IOException(DAMAGED);
    }
    return digits.isEmpty() ? 0 : Long.parseLong(digits, 8);
  }

  private static long decimal(byte[] digits) throws IOException {
    String text = new String(digits, StandardCharsets.ISO_8859_1);
    if (!text.matches("[0-9]{1,18}")) {
      throw new IOException(DAMAGED);
    }
    return Long.parseLong(text);
  }
}
