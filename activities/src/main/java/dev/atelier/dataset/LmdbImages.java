package dev.atelier.dataset;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import org.lmdbjava.CursorIterable;
import org.lmdbjava.Dbi;
import org.lmdbjava.Env;
import org.lmdbjava.EnvFlags;
import org.lmdbjava.LmdbException;
import org.lmdbjava.Txn;

/**
 * The values of an LMDB whose keys name images, as LSUN has them: {@code data.mdb}. It is mapped
 * into memory and read in the order of its keys; nothing is written beside it.
 */
final class LmdbImages implements SourceFiles {

  private static final int MAGIC = 0xBEEFC0DE;
  private static final int MAGIC_AT = 16; // behind the header of the first page
  private static final int DB_NAMES = 1;

  private final Path file;
  private final ArchiveLimits limits;

  LmdbImages(Path file, ArchiveLimits limits) {
    this.file = file;
    this.limits = limits;
  }

  @Override
  public void forEach(Visitor visitor) throws IOException {
    requireLmdb();
    ArchiveGuard counts = new ArchiveGuard(limits, Files.size(file));
    try (Env<ByteBuffer> env =
            Env.create()
                .setMapSize(Files.size(file))
                .setMaxDbs(DB_NAMES)
                .open(
                    file.toFile(),
                    EnvFlags.MDB_RDONLY_ENV,
                    EnvFlags.MDB_NOLOCK,
                    EnvFlags.MDB_NOSUBDIR);
        Txn<ByteBuffer> transaction = env.txnRead()) {
      Dbi<ByteBuffer> database = env.openDbi((byte[]) null);
      try (CursorIterable<ByteBuffer> values = database.iterate(transaction)) {
        for (CursorIterable.KeyVal<ByteBuffer> pair : values) {
          ByteBuffer value = pair.val();
          String name = name(pair.key());
          counts.entry(name);
          visitor.visit(
              new Entry.File(name, value.remaining()),
              () -> {
                byte[] bytes = new byte[value.remaining()];
                value.duplicate().get(bytes);
                return new ByteArrayInputStream(bytes);
              });
        }
      }
    } catch (LmdbException e) {
      throw new IOException(
          "'%s' cannot be read as LMDB: %s".formatted(file.getFileName(), e.getMessage()), e);
    }
  }

  /** A database that is none, or shorter than its pages, would end the process. */
  private void requireLmdb() throws IOException {
    ByteBuffer head;
    try (var in = Files.newInputStream(file)) {
      head = ByteBuffer.wrap(in.readNBytes(MAGIC_AT + Integer.BYTES));
    }
    boolean isLmdb =
        head.limit() == MAGIC_AT + Integer.BYTES
            && head.order(java.nio.ByteOrder.LITTLE_ENDIAN).getInt(MAGIC_AT) == MAGIC;
    if (!isLmdb) {
      throw new IOException(
          "'%s' is no LMDB: expected the mark 0xBEEFC0DE in its first page."
              .formatted(file.getFileName()));
    }
  }

  /** A key as a name: its text where that is plain, else its bytes in hexadecimal. */
  private static String name(ByteBuffer key) {
    byte[] bytes = new byte[key.remaining()];
    key.duplicate().get(bytes);
    String text = new String(bytes, StandardCharsets.ISO_8859_1);
    return text.matches("[A-Za-z0-9_-]+") ? text : "0x" + HexFormat.of().formatHex(bytes);
  }
}
