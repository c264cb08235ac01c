package dev.atelier.encoding;

import dev.atelier.workflows.ObjectRef;
import java.util.List;

/**
 * Texts of a dataset's captions: each distinct one once as float16, [tokens, width], the empty text
 * first.
 *
 * @param texts how many, the empty one among them
 * @param perShard texts of each shard but the last
 * @param index int32: for each image where its captions begin, and where the last ones end; then
 *     the number of each caption's text
 * @param truncated captions that were too long
 */
record TextsManifest(
    int formatVersion,
    int images,
    int texts,
    int tokens,
    int width,
    int perShard,
    List<ObjectRef> shards,
    ObjectRef index,
    int truncated) {

  static final int FORMAT_VERSION = 1;

  TextsManifest {
    shards = List.copyOf(shards);
  }

  /** Numbers of one text. */
  int elements() {
    return tokens * width;
  }
}
