package dev.atelier.workflows;

import dev.atelier.spec.DatasetSpec;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityMethod;

/** Fetches, decodes, crops, resizes and stores the images of an experiment. */
@ActivityInterface
public interface DatasetActivities {

  /** What to prepare, and for which experiment. */
  record PrepareDataset(String experimentId, DatasetSpec dataset) {}

  /** Prepares the dataset once; the same content is stored once. */
  @ActivityMethod(name = "PrepareDataset")
  DatasetRef prepare(PrepareDataset task);
}
