package dev.atelier.workflows;

import dev.atelier.spec.BatchSize;
import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.ExperimentSpec.Reuse;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityMethod;
import java.util.List;

/** Fetches, decodes, crops, resizes and stores the images of an experiment. */
@ActivityInterface
public interface DatasetActivities {

  /**
   * What to prepare, and for which experiment.
   *
   * @param reuse whether what another experiment has prepared may be taken over; absent in
   *     histories of before this was asked
   * @param batches that must not be larger than the dataset; absent alike
   */
  record PrepareDataset(
      String experimentId, DatasetSpec dataset, Reuse reuse, List<BatchSize> batches) {
    public PrepareDataset {
      reuse = reuse == null ? Reuse.ALLOWED : reuse;
      batches = batches == null ? List.of() : List.copyOf(batches);
    }

    /** For batches of any size. */
    public PrepareDataset(String experimentId, DatasetSpec dataset, Reuse reuse) {
      this(experimentId, dataset, reuse, List.of());
    }
  }

  /**
   * Prepares the dataset, unless another experiment has prepared the same images; while one is at
   * it, this fails and is tried again. The same content is stored once. INVALID_SPEC where it has
   * fewer images than a batch.
   */
  @ActivityMethod(name = "PrepareDataset")
  DatasetRef prepare(PrepareDataset task);
}
