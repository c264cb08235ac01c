package dev.atelier.dataset;

import java.io.IOException;
import java.nio.MappedByteBuffer;
import java.util.List;
import java.util.Optional;

/** The captions of a prepared dataset, memory-mapped: the heap has where each line ends. */
final class PackedCaptions {

  private final MappedByteBuffer lines;
  private final int[] ends;

  /**
   * Finds the lines.
   *
   * @throws DatasetException if they are not as many as there are images, or one is too long
   */
  PackedCaptions(MappedByteBuffer lines, int images) {
    this.lines = lines;
    this.ends = new int[images];
    int found = 0;
    int start = 0;
    byte[] chunk = new byte[1 << 16];
    for (int at = 0; at < lines.limit(); at += chunk.length) {
      int bytes = Math.min(chunk.length, lines.limit() - at);
      lines.get(at, chunk, 0, bytes);
      for (int i = 0; i < bytes; i++) {
        if (chunk[i] == '\n') {
          requireFits(at + i - start);
          if (found < images) {
            ends[found] = at + i;
          }
          found++;
          start = at + i + 1;
        }
      }
    }
    if (found != images || start != lines.limit()) {
      throw PackedImages.corrupt(
          "Cannot open the dataset: expected a line of captions for each of %d images, found %d."
              .formatted(images, found));
    }
  }

  private static void requireFits(int bytes) {
    if (bytes > CaptionLine.MOST_BYTES) {
      throw PackedImages.corrupt(
          "Cannot open the dataset: a line of captions has %d bytes, expected at most %d."
              .formatted(bytes, CaptionLine.MOST_BYTES));
    }
  }

  /**
   * The captions of image {@code index}, at least one.
   *
   * @throws DatasetException if its line is damaged
   */
  List<String> of(int index) {
    int start = index == 0 ? 0 : ends[index - 1] + 1;
    byte[] line = new byte[ends[index] - start];
    lines.get(start, line);
    try {
      return CaptionLine.read(line);
    } catch (IOException e) {
      throw PackedImages.corrupt(
          "Cannot read the captions of image %d of the dataset: %s."
              .formatted(index, Optional.ofNullable(e.getMessage()).orElse("they are damaged")));
    }
  }
}
