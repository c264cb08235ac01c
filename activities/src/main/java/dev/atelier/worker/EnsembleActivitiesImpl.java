package dev.atelier.worker;

import dev.atelier.artifacts.StoredEnsembles;
import dev.atelier.store.ExperimentKeys;
import dev.atelier.store.ObjectStore;
import dev.atelier.workflows.EnsembleActivities;
import dev.atelier.workflows.EnsembleRef;

/** Keeps lists of models as objects; removes sampling shards. */
final class EnsembleActivitiesImpl implements EnsembleActivities {

  private final ObjectStore store;
  private final StoredEnsembles ensembles;

  EnsembleActivitiesImpl(ObjectStore store) {
    this.store = store;
    this.ensembles = new StoredEnsembles(store);
  }

  @Override
  public EnsembleRef.Part keepModels(KeepModels task) {
    return Failures.translating(() -> ensembles.keep(task.experimentId(), task.models()));
  }

  @Override
  public void discardShards(DiscardShards task) {
    Failures.translating(
        () -> store.list(ExperimentKeys.shards(task.experimentId())).forEach(store::delete));
  }
}
