package dev.atelier.encoding;

import dev.atelier.workflows.ObjectRef;
import java.nio.file.Path;
import java.util.Optional;

/** Where shards are kept, each by what it is made of and its place. */
public interface EncodedStore {

  /** The shard that an earlier attempt, or another experiment, has kept. */
  Optional<ObjectRef> find(String inputs, String kind, int index);

  /**
   * Keeps a shard.
   *
   * @param inputs hash of all that determines it
   * @param kind of what it holds
   */
  ObjectRef keep(String inputs, String kind, int index, Path file);

  /** Keeps the list of the shards, last. */
  ObjectRef keepManifest(String inputs, String kind, byte[] json);
}
