package dev.atelier.workflows;

import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.ExperimentSpec.Reuse;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityMethod;

/** Fetches, decodes, crops, resizes and stores the images of an experiment. */
@ActivityInterface
public interface DatasetActivities {

  /**
   * What to prepare, and for which experiment.
   *
   * @param reuse whether what another experiment has prepared may be taken over; absent in
   *     histories of before this was asked
   */
  record PrepareDataset(String experimentId, DatasetSpec dataset, Reuse reuse) {
    public PrepareDataset {
      reuse = reuse == null ? Reuse.ALLOWED : reuse;
    }
  }

  /**
   * Prepares the dataset, unless another experiment has prepared the same images; while one is at
   * it, this fails and is tried again. The same content is stored once.
   */
  @ActivityMethod(name = "PrepareDataset")
  DatasetRef prepare(PrepareDataset task);
}
