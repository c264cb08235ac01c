package dev.atelier.encoding;

import dev.atelier.workflows.EncodedRef;
import java.nio.file.Path;
import java.util.Optional;

/** Where shards are kept, each by what it is made of and its place. */
public interface EncodedStore {

  /**
   * A shard in the store.
   *
   * @param sha256 of its content
   */
  record Shard(String objectKey, String sha256) {}

  /** The shard that an earlier attempt, or another experiment, has kept. */
  Optional<Shard> find(String inputs, String kind, int index);

  /**
   * Keeps a shard.
   *
   * @param inputs hash of all that determines it
   * @param kind of what it holds
   */
  Shard keep(String inputs, String kind, int index, Path file);

  /** Keeps the list of the shards, last. */
  EncodedRef.Files keepManifest(String inputs, String kind, byte[] json);
}
