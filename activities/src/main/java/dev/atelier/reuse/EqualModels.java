package dev.atelier.reuse;

import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.store.CheckpointManifest;
import dev.atelier.store.ModelReuse;
import dev.atelier.store.ModelReuse.Elsewhere;
import dev.atelier.store.ModelReuse.Trained;
import dev.atelier.store.objects.ObjectCorruptException;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.version.CodeVersion;
import dev.atelier.version.Fingerprint;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.TrainingActivities.TrainStudent;
import dev.atelier.workflows.TrainingActivities.TrainTeacher;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/** Takes over models that other experiments have trained in the same way. */
public record EqualModels(ObjectStore store, ModelReuse history) {

  private record Wanted(
      String experimentId,
      ModelKey key,
      NetworkSpec network,
      TimestepRange range,
      String fingerprint) {}

  /**
   * An equal teacher; empty: there is none, and this experiment is to train it.
   *
   * @throws DoneElsewhereException if another experiment trains it now
   */
  public Optional<ModelRef> find(TrainTeacher task) {
    TimestepRange whole = new TimestepRange(0, task.diffusion().timesteps());
    return find(
        new Wanted(
            task.experimentId(), ModelKey.TEACHER, task.network(), whole, fingerprint(task)));
  }

  /** The same of a student. */
  public Optional<ModelRef> find(TrainStudent task) {
    return find(
        new Wanted(
            task.experimentId(), task.key(), task.network(), task.range(), fingerprint(task)));
  }

  private static String fingerprint(Record task) {
    return Fingerprint.of(task, CodeVersion.TRAINING.current());
  }

  private Optional<ModelRef> find(Wanted wanted) {
    Set<Long> useless = new HashSet<>();
    for (Trained twin : history.trained(wanted.experimentId(), wanted.fingerprint())) {
      if (isWhole(twin)
          && history.recordReused(
              wanted.experimentId(), wanted.key(), wanted.fingerprint(), twin)) {
        return Optional.of(
            new ModelRef(
                wanted.key(),
                Optional.of(wanted.network()),
                wanted.range(),
                twin.lastCheckpoint().manifestKey(),
                twin.lastCheckpoint().manifestSha256(),
                twin.lastCheckpoint().step(),
                twin.start()));
      }
      useless.add(twin.modelId());
    }
    Optional<Elsewhere> other =
        history.claim(wanted.experimentId(), wanted.key(), wanted.fingerprint(), useless);
    if (other.isPresent()) {
      throw new DoneElsewhereException(
          "Waits for %s of experiment %s, which is trained in exactly this way."
              .formatted(other.get().key(), other.get().experimentId()));
    }
    return Optional.empty();
  }

  /** Whether the model in its last checkpoint is in the store, its manifest as it was written. */
  private boolean isWhole(Trained twin) {
    try {
      return CheckpointManifest.read(
                  store,
                  twin.lastCheckpoint().manifestKey(),
                  twin.lastCheckpoint().manifestSha256())
              .objects()
              .stream()
              .filter(twin.lastCheckpoint()::has)
              .allMatch(object -> store.exists(object.key()))
          && twin.start().stream().allMatch(start -> store.exists(start.objectKey()));
    } catch (ObjectCorruptException e) {
      return false;
    }
  }
}
