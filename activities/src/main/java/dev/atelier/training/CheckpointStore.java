package dev.atelier.training;

import java.io.IOException;
import java.util.Optional;

/** Where the checkpoints of one training are kept. */
public interface CheckpointStore {

  /** The last good checkpoint, its files in a local directory that outlives the training. */
  Optional<Checkpoint> latest() throws IOException;

  /**
   * Keeps a checkpoint: when this returns, {@link #latest} gives it. The files are the caller's and
   * are deleted after the call.
   */
  void save(Checkpoint checkpoint) throws IOException;
}
