package dev.atelier.dataset;

import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;

/** Writes images, one after the other, into shards, and hashes them. */
final class ShardWriter implements Closeable {

  private final Path directory;
  private final int imageBytes;
  private final int perShard;
  private final MessageDigest content;
  private final List<DatasetManifest.Shard> shards = new ArrayList<>();
  private MessageDigest digest = ContentHash.sha256();
  private OutputStream out = OutputStream.nullOutputStream();
  private int inShard;
  private int images;

  /**
   * Begins the first shard once there is an image.
   *
   * @param maxShardBytes of each shard, where an image is not larger
   */
  ShardWriter(Path directory, int channels, int resolution, long maxShardBytes) {
    this.directory = directory;
    this.imageBytes = channels * resolution * resolution;
    this.perShard = (int) Math.max(1, maxShardBytes / imageBytes);
    this.content = PackedShards.contentOf(channels, resolution);
  }

  /** Appends an image, uint8 [C, H, W]. */
  void add(byte[] image) throws IOException {
    if (inShard == 0) {
      Path file = directory.resolve(PackedShards.shardName(shards.size()));
      digest = ContentHash.sha256();
      out =
          new DigestOutputStream(
              new BufferedOutputStream(Files.newOutputStream(file), 1 << 20), digest);
    }
    out.write(image);
    content.update(image);
    images++;
    if (++inShard == perShard) {
      endShard();
    }
  }

  private void endShard() throws IOException {
    out.close();
    shards.add(
        new DatasetManifest.Shard(
            PackedShards.shardName(shards.size()),
            inShard,
            (long) inShard * imageBytes,
            ContentHash.hex(digest.digest())));
    inShard = 0;
  }

  int images() {
    return images;
  }

  /** Ends the last shard and names all. */
  List<DatasetManifest.Shard> shards() throws IOException {
    if (inShard > 0) {
      endShard();
    }
    return List.copyOf(shards);
  }

  /** The hash so far, see {@link DatasetManifest#sha256}. */
  MessageDigest content() {
    return content;
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
