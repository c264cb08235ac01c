package dev.atelier.encoding;

import dev.atelier.workflows.ObjectRef;
import java.util.List;

/**
 * Latents of a dataset: for each image, and where {@code mirrored} then for its mirror image, the
 * scaled mean and deviation as float16, [2, channels, side, side].
 *
 * @param perShard images of each shard but the last
 */
record LatentsManifest(
    int formatVersion,
    int images,
    int channels,
    int side,
    boolean mirrored,
    int perShard,
    List<ObjectRef> shards) {

  static final int FORMAT_VERSION = 1;

  LatentsManifest {
    shards = List.copyOf(shards);
  }

  /** Numbers of one image, without its mirror image. */
  int elements() {
    return channels * side * side;
  }

  /** Numbers kept of an image. */
  int kept() {
    return (mirrored ? 2 : 1) * 2 * elements();
  }
}
