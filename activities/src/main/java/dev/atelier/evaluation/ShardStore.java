package dev.atelier.evaluation;

import dev.atelier.workflows.EvaluationActivities.Evaluate;
import dev.atelier.workflows.EvaluationActivities.SampleShard;
import dev.atelier.workflows.ShardRef;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** Where shards are kept until they are combined, by all that determines them. */
public interface ShardStore {

  /** A shard that was sampled before and whose answer was lost, if it is still there. */
  Optional<ShardRef> find(SampleShard task, EvaluationInputs inputs);

  ShardRef keep(SampleShard task, EvaluationInputs inputs, SampledShard sampled) throws IOException;

  boolean has(ShardRef shard);

  /** Brings the features of a shard into {@code file}. */
  void fetch(ShardRef shard, Path file);

  /** Deletes every shard of a subject. */
  void discard(Evaluate subject);
}
