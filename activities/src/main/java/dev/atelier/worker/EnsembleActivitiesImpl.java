package dev.atelier.worker;

import dev.atelier.store.ExperimentKeys;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.training.Ensembles;
import dev.atelier.workflows.EnsembleActivities;
import dev.atelier.workflows.EnsembleRef;

/** Keeps lists of models as objects; removes sampling shards. */
record EnsembleActivitiesImpl(ObjectStore store, Ensembles ensembles)
    implements EnsembleActivities {

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
