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
  private final Tables.Names names;

  LmdbImages(Path file, ArchiveLimits limits, Tables.Names names) {
    this.file = file;
    this.limits = limits;
    this.names = names;
  }

  private interface Reader {
    void read(Env<ByteBuffer> env) throws IOException;
  }

  private static void open(Path file, Reader reader) throws IOException {
    requireLmdb(file);
    try (Env<ByteBuffer> env =
        Env.create()
            .setMapSize(Files.size(file))
            .setMaxDbs(DB_NAMES)
            .open(
                file.toFile(),
                EnvFlags.MDB_RDONLY_ENV,
                EnvFlags.MDB_NOLOCK,
                EnvFlags.MDB_NOSUBDIR)) {
      reader.read(env);
    } catch (LmdbException e) {
      throw new IOException(
          "'%s' cannot be read as LMDB: %s".formatted(file.getFileName(), e.getMessage()), e);
    }
  }

  /** How many values a file has. */
  static long count(Path file) throws IOException {
    long[] entries = {0};
    open(file, env -> entries[0] = env.stat().entries);
    return entries[0];
  }

  @Override
  public void forEach(Visitor visitor) throws IOException {
    ArchiveGuard counts = new ArchiveGuard(limits, Files.size(file));
    open(file, env -> forEach(env, counts, visitor));
  }

  private void forEach(Env<ByteBuffer> env, ArchiveGuard counts, Visitor visitor)
      throws IOException {
    try (Txn<ByteBuffer> transaction = env.txnRead()) {
      Dbi<ByteBuffer> database = env.openDbi((byte[]) null);
      try (CursorIterable<ByteBuffer> values = database.iterate(transaction)) {
        for (CursorIterable.KeyVal<ByteBuffer> pair : values) {
          ByteBuffer value = pair.val();
          String name = name(pair.key());
          names.count(counts, name);
          visitor.visit(
              new Entry.File(name, value.remaining()),
              () -> {
                byte[] bytes = new byte[value.remaining()];
                value.duplicate().get(bytes);
                return new ByteArrayInputStream(bytes);
              });
        }
      }
    }
  }

  /** A database that is none, or shorter than its pages, would end the process. */
  private static void requireLmdb(Path file) throws IOException {
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
