package dev.atelier.workflows;

import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityMethod;
import java.util.List;

/** Keeps what is too much for a payload as objects, and removes what was kept for a while. */
@ActivityInterface
public interface EnsembleActivities {

  /** Most models in one part: about 70 KB. */
  int MODELS_PER_PART = 100;

  /** Neighbours in an ensemble, at most {@link #MODELS_PER_PART}. */
  record KeepModels(String experimentId, List<ModelRef> models) {}

  /** An experiment that will not evaluate any more. */
  record DiscardShards(String experimentId) {}

  @ActivityMethod(name = "KeepModels")
  EnsembleRef.Part keepModels(KeepModels task);

  /** Deletes the sampling shards that no evaluation will combine. */
  @ActivityMethod(name = "DiscardShards")
  void discardShards(DiscardShards task);
}
