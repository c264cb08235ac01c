package dev.atelier.encoding;

import dev.atelier.dataset.DatasetException;
import dev.atelier.network.tensors.Float16;
import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.ShortBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/** Rows of float16 in memory-mapped files; safe for many threads. */
final class MappedShards {
  private final List<ShortBuffer> shards;
  private final int perShard;
  private final int rowElements;

  /**
   * Maps {@code files}.
   *
   * @param rows of all files
   * @param perShard rows of each file but the last
   * @throws DatasetException if a file has another size
   */
  MappedShards(List<Path> files, int rows, int perShard, int rowElements) throws IOException {
    this.perShard = perShard;
    this.rowElements = rowElements;
    this.shards = new ArrayList<>();
    for (int i = 0; i < files.size(); i++) {
      long bytes = (long) Math.min(perShard, rows - i * perShard) * rowElements * Float16.BYTES;
      try (FileChannel channel = FileChannel.open(files.get(i), StandardOpenOption.READ)) {
        if (channel.size() != bytes) {
          throw new DatasetException(
              DatasetException.Kind.CORRUPT,
              "Cannot open the encoded dataset: expected %d bytes in '%s', found %d."
                  .formatted(bytes, files.get(i), channel.size()));
        }
        shards.add(
            channel
                .map(FileChannel.MapMode.READ_ONLY, 0, bytes)
                .order(ByteOrder.LITTLE_ENDIAN)
                .asShortBuffer());
      }
    }
  }

  /** Widens {@code length} numbers of a row, from {@code from} on, into {@code out}. */
  void read(int row, int from, int length, float[] out, int offset) {
    ShortBuffer shard = shards.get(row / perShard);
    int start = row % perShard * rowElements + from;
    for (int i = 0; i < length; i++) {
      out[offset + i] = Float16.widen(shard.get(start + i));
    }
  }
}
