package dev.atelier.artifacts;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.evaluation.EvaluationInputs;
import dev.atelier.evaluation.SampledShard;
import dev.atelier.evaluation.ShardStore;
import dev.atelier.store.ExperimentKeys;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.Sha256;
import dev.atelier.version.CodeVersion;
import dev.atelier.version.Fingerprint;
import dev.atelier.workflows.EvaluationActivities.Evaluate;
import dev.atelier.workflows.EvaluationActivities.SampleShard;
import dev.atelier.workflows.ShardRef;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** Shards as objects, each with its answer beside it. */
public record StoredShards(ObjectStore store) implements ShardStore {

  private static final ObjectMapper JSON = new ObjectMapper().registerModule(new Jdk8Module());

  @Override
  public Optional<ShardRef> find(SampleShard task, EvaluationInputs inputs) {
    return store.get(described(keyOf(task, inputs))).flatMap(this::stored);
  }

  private Optional<ShardRef> stored(byte[] json) {
    try {
      return Optional.of(JSON.readValue(json, ShardRef.class)).filter(this::has);
    } catch (IOException e) {
      return Optional.empty(); // not what was written: sampled again
    }
  }

  @Override
  public ShardRef keep(SampleShard task, EvaluationInputs inputs, SampledShard sampled)
      throws IOException {
    String key = keyOf(task, inputs);
    store.put(key, sampled.file(), "application/octet-stream");
    ShardRef shard =
        new ShardRef(
            key,
            Sha256.of(sampled.file()),
            task.first(),
            task.images(),
            sampled.timedImages(),
            sampled.seconds(),
            sampled.cost());
    store.put(described(key), JSON.writeValueAsBytes(shard), "application/json");
    return shard;
  }

  private static String keyOf(SampleShard task, EvaluationInputs inputs) {
    return ExperimentKeys.shard(
        task.subject().experimentId(),
        inputs.subject().word(),
        Fingerprint.of(inputs, CodeVersion.SAMPLING.current()),
        task.first(),
        task.images());
  }

  private static String described(String shardKey) {
    return shardKey + ".json";
  }

  @Override
  public boolean has(ShardRef shard) {
    return store.exists(shard.objectKey());
  }

  @Override
  public void fetch(ShardRef shard, Path file) {
    store.fetch(shard.objectKey(), shard.sha256(), file);
  }

  @Override
  public void discard(Evaluate subject) {
    store
        .list(ExperimentKeys.shards(subject.experimentId(), subject.subject().word()))
        .forEach(store::delete);
  }
}
