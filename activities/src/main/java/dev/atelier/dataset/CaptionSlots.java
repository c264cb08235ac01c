package dev.atelier.dataset;

import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Takes captions of images in any order, and gives those of an image in the order in which they
 * came. They lie in a file, each after the place of the image's one before: memory is one number
 * per image however many there are.
 */
final class CaptionSlots implements Closeable {

  private static final long MOST_BYTES = 1L << 30;
  private static final int HEADER = Long.BYTES + Integer.BYTES; // the one before, bytes of this

  private final Path file;
  private final DataOutputStream out;
  private final long[] last; // where a slot's last caption lies, plus 1; 0: it has none
  private final byte[] counts;
  private long end;

  CaptionSlots(Path directory, int slots) {
    file = directory.resolve("captions.slots");
    last = new long[slots];
    counts = new byte[slots];
    try {
      Files.createDirectories(directory);
      out = new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(file), 1 << 16));
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }

  /**
   * Keeps a {@link CaptionLine#clean} caption.
   *
   * @return false: it is one beyond {@link CaptionLine#MOST_CAPTIONS} of an image, and is not kept
   * @throws DatasetException if all together are too long
   */
  boolean add(int slot, String caption) {
    if (counts[slot] == CaptionLine.MOST_CAPTIONS) {
      return false;
    }
    byte[] text = caption.getBytes(StandardCharsets.UTF_8);
    requireFits(end + HEADER + text.length);
    try {
      out.writeLong(last[slot]);
      out.writeInt(text.length);
      out.write(text);
    } catch (IOException e) {
      throw cannotWrite(e);
    }
    last[slot] = end + 1;
    counts[slot]++;
    end += HEADER + text.length;
    return true;
  }

  /** Refuses captions of so many bytes together. */
  static void requireFits(long bytes) {
    if (bytes > MOST_BYTES) {
      throw new DatasetException(
          DatasetException.Kind.CORRUPT,
          "Cannot use the captions of the dataset: they have more than %d MB together."
              .formatted(MOST_BYTES >> 20));
    }
  }

  boolean has(int slot) {
    return last[slot] > 0;
  }

  /** Writes a line for each image of {@code slots}; each has captions. Returns their number. */
  int writeLines(Iterable<Integer> slots, OutputStream lines) throws IOException {
    out.flush();
    int captions = 0;
    try (FileChannel channel = FileChannel.open(file)) {
      for (int slot : slots) {
        lines.write(CaptionLine.of(read(channel, slot)));
        lines.write('\n');
        captions += counts[slot];
      }
    }
    return captions;
  }

  private List<String> read(FileChannel channel, int slot) throws IOException {
    List<String> captions = new ArrayList<>();
    for (long at = last[slot]; at > 0; ) {
      ByteBuffer header = read(channel, at - 1, HEADER);
      long before = header.getLong();
      byte[] text = read(channel, at - 1 + HEADER, header.getInt()).array();
      captions.add(new String(text, StandardCharsets.UTF_8));
      at = before;
    }
    Collections.reverse(captions);
    return captions;
  }

  private static ByteBuffer read(FileChannel channel, long at, int bytes) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(bytes);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, at + buffer.position()) < 0) {
        throw new IOException("The file of captions ended early.");
      }
    }
    return buffer.flip();
  }

  private UncheckedIOException cannotWrite(IOException e) {
    return new UncheckedIOException(
        "Cannot write captions to '%s': %s".formatted(file, e.getMessage()), e);
  }

  @Override
  public void close() {
    try {
      out.close();
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }
}
