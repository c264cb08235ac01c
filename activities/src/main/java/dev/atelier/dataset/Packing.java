package dev.atelier.dataset;

import com.github.luben.zstd.ZstdInputStream;
import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.apache.commons.compress.compressors.bzip2.BZip2CompressorInputStream;
import org.apache.commons.compress.compressors.xz.XZCompressorInputStream;

/** How the files of a source are packed into one, told by its first bytes. */
enum Packing {
  NONE("a file", ""),
  ZIP("a zip", "PK"),
  TAR("a tar", ""),
  GZIP("a gzip", "\u001F\u008B"),
  XZ("an xz", "\u00FD7zXZ\0"),
  BZIP2("a bzip2", "BZh"),
  ZSTD("a zstd", "(\u00B5/\u00FD"),
  SEVEN_ZIP("a 7z archive", "7z\u00BC\u00AF'\u001C"),
  RAR("a RAR archive", "Rar!\u001A\u0007"),
  LZ4("an lz4 file", "\u0004\"M\u0018"),
  LZIP("an lzip file", "LZIP"),
  LZW("a file of compress(1)", "\u001F\u009D");

  private static final int XZ_MEMORY_LIMIT_KIB = 256 << 10;

  private final String shown;
  private final String magic; // a character for each byte

  Packing(String shown, String magic) {
    this.shown = shown;
    this.magic = magic;
  }

  /** Such as: a 7z archive. */
  String shown() {
    return shown;
  }

  static Packing of(Path file) throws IOException {
    byte[] head;
    try (InputStream in = Files.newInputStream(file)) {
      head = in.readNBytes(TarReader.BLOCK);
    }
    String text = new String(head, StandardCharsets.ISO_8859_1);
    for (Packing packing : values()) {
      if (!packing.magic.isEmpty() && text.startsWith(packing.magic)) {
        return packing;
      }
    }
    if (isSkippableZstd(head)) {
      return ZSTD;
    }
    String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
    return TarReader.isHeader(head) || name.endsWith(".tar") ? TAR : NONE;
  }

  /** As pzstd begins its files. */
  private static boolean isSkippableZstd(byte[] head) {
    return head.length > 4
        && (head[0] & 0xF0) == 0x50
        && head[1] == 0x2A
        && head[2] == 0x4D
        && head[3] == 0x18;
  }

  /**
   * Undoes the compression of a tar.
   *
   * @throws IOException here or while it is read, {@link EOFException} where the packed data end
   *     too soon
   */
  InputStream open(InputStream packed) throws IOException {
    EndMarking in = new EndMarking(packed);
    try {
      return in.explaining(unpacked(in));
    } catch (IOException e) {
      throw in.explained(e);
    }
  }

  private InputStream unpacked(InputStream in) throws IOException {
    return switch (this) {
      case GZIP -> new GzipMembers(in);
      case XZ ->
          XZCompressorInputStream.builder()
              .setInputStream(in)
              .setDecompressConcatenated(true)
              .setMemoryLimitKiB(XZ_MEMORY_LIMIT_KIB)
              .get();
      case BZIP2 -> new BZip2CompressorInputStream(in, true);
      case ZSTD -> zstd(in);
      case TAR -> in;
      case NONE, ZIP, SEVEN_ZIP, RAR, LZ4, LZIP, LZW ->
          throw new IllegalStateException("No compressed tar: " + this);
    };
  }

  private static InputStream zstd(InputStream in) throws IOException {
    try {
      return new ZstdInputStream(in);
    } catch (LinkageError e) {
      throw new IOException(
          "zstd needs a native library, which cannot be loaded here (%s); tar.gz and tar.xz do not."
              .formatted(e.getMessage()),
          e);
    }
  }

  /** Notices that a decompressor wanted more than there was: each says that in its own words. */
  private static final class EndMarking extends FilterInputStream {
    private boolean ended;

    EndMarking(InputStream in) {
      super(in);
    }

    @Override
    public int read() throws IOException {
      int read = super.read();
      ended |= read < 0;
      return read;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      int read = super.read(buffer, offset, length);
      ended |= read < 0;
      return read;
    }

    IOException explained(IOException e) {
      if (!ended || e instanceof EOFException) {
        return e;
      }
      EOFException early = new EOFException(e.getMessage());
      early.initCause(e);
      return early;
    }

    InputStream explaining(InputStream plain) {
      return new FilterInputStream(plain) {
        @Override
        public int read() throws IOException {
          byte[] one = new byte[1];
          return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
        }

        @Override
        public int read(byte[] buffer, int offset, int length) throws IOException {
          try {
            return super.read(buffer, offset, length);
          } catch (IOException e) {
            throw explained(e);
          }
        }

        @Override
        public long skip(long wanted) throws IOException {
          byte[] buffer = new byte[(int) Math.min(1 << 16, Math.max(1, wanted))];
          return wanted <= 0 ? 0 : Math.max(0, read(buffer, 0, buffer.length));
        }
      };
    }
  }
}
