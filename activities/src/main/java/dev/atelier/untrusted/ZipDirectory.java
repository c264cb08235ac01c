package dev.atelier.untrusted;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * What the end of a zip says of its directory, read before a library loads all of it to the heap.
 *
 * @param entries files and folders, as the zip says; libraries read on for as long as there are
 *     more
 * @param bytes from where it begins to the end of the file's last record: no entry lies elsewhere
 * @param plain whether nothing is before, between or behind its parts, so that libraries that look
 *     for the directory in different ways find the same one
 */
public record ZipDirectory(long entries, long bytes, boolean plain) {

  private static final int END = 0x06054b50;
  private static final int END_BYTES = 22;
  private static final int MAX_COMMENT = 0xffff;
  private static final int LOCATOR_64 = 0x07064b50;
  private static final int LOCATOR_64_BYTES = 20;
  private static final int END_64 = 0x06064b50;
  private static final int END_64_BYTES = 56;
  private static final int SEE_64_SHORT = 0xffff;
  private static final long SEE_64_INT = 0xffffffffL;

  /**
   * Reads the end of {@code file}.
   *
   * @throws IOException if it is no zip
   */
  public static ZipDirectory of(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long size = channel.size();
      int tailBytes = (int) Math.min(size, END_BYTES + MAX_COMMENT);
      ByteBuffer tail = read(channel, size - tailBytes, tailBytes);
      for (int at = tailBytes - END_BYTES; at >= 0; at--) {
        if (tail.getInt(at) == END) {
          // Some libraries look no further, whatever it says; one in a comment would hide the true.
          if ((tail.getShort(at + 20) & 0xffff) > tailBytes - END_BYTES - at) {
            throw new IOException("The zip's last record is damaged.");
          }
          return of(channel, tail, at, size - tailBytes + at);
        }
      }
    }
    throw new IOException("The zip ends early: it has no directory at its end.");
  }

  private static ZipDirectory of(FileChannel channel, ByteBuffer tail, int at, long position)
      throws IOException {
    long entries = tail.getShort(at + 10) & 0xffff;
    long bytes = tail.getInt(at + 12) & SEE_64_INT;
    long offset = tail.getInt(at + 16) & SEE_64_INT;
    long directoryEnd = position;
    // A directory of 64 bits counts wherever one is: libraries differ in when they look for it.
    if (position >= LOCATOR_64_BYTES) {
      ByteBuffer locator = read(channel, position - LOCATOR_64_BYTES, LOCATOR_64_BYTES);
      if (locator.getInt(0) == LOCATOR_64) {
        long end = locator.getLong(8);
        if (end < 0 || end > position - END_64_BYTES) {
          throw new IOException("The zip's directory of 64 bits lies outside of the file.");
        }
        ByteBuffer end64 = read(channel, end, END_64_BYTES);
        if (end64.getInt(0) != END_64) {
          throw new IOException("The zip's directory of 64 bits is damaged.");
        }
        if ((entries != SEE_64_SHORT && entries != end64.getLong(32))
            || (bytes != SEE_64_INT && bytes != end64.getLong(40))
            || (offset != SEE_64_INT && offset != end64.getLong(48))) {
          throw new IOException("The zip has two directories that differ.");
        }
        entries = end64.getLong(32);
        bytes = end64.getLong(40);
        offset = end64.getLong(48);
        directoryEnd = end;
      }
    }
    if (entries < 0 || bytes < 0 || offset < 0 || offset > position || bytes > position - offset) {
      throw new IOException("The zip's directory lies outside of the file.");
    }
    boolean plain =
        offset + bytes == directoryEnd && position + END_BYTES == channel.size(); // no comment
    return new ZipDirectory(entries, position - offset, plain);
  }

  private static ByteBuffer read(FileChannel channel, long position, int length)
      throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    while (bytes.hasRemaining()) {
      if (channel.read(bytes, position + bytes.position()) < 0) {
        throw new IOException("The zip ends early.");
      }
    }
    return bytes.flip();
  }

  /**
   * Refuses a directory that is too large to be loaded.
   *
   * @throws IOException saying what was found and expected
   */
  public void require(long mostBytes) throws IOException {
    if (bytes > mostBytes) {
      throw new IOException(
          "The zip's list of %d entries takes %d bytes: expected at most %d, which this worker's heap has room for."
              .formatted(entries, bytes, mostBytes));
    }
  }
}
