package dev.atelier.workflows;

import dev.atelier.workflows.EnsembleActivities.KeepModels;
import io.temporal.workflow.Async;
import io.temporal.workflow.Promise;
import io.temporal.workflow.Workflow;
import java.util.ArrayList;
import java.util.List;

/** Keeps lists of models as objects, which payloads name. */
final class Ensembles {

  private final EnsembleActivities ensembles =
      Workflow.newActivityStub(EnsembleActivities.class, Activities.STORE);

  private final String experimentId;

  Ensembles(String experimentId) {
    this.experimentId = experimentId;
  }

  EnsembleRef keep(List<ModelRef> models) {
    List<Promise<EnsembleRef.Part>> parts = new ArrayList<>();
    int most = EnsembleActivities.MODELS_PER_PART;
    for (int from = 0; from < models.size(); from += most) {
      // A copy: a view of the list can't be a payload.
      List<ModelRef> part = List.copyOf(models.subList(from, Math.min(from + most, models.size())));
      parts.add(Async.function(ensembles::keepModels, new KeepModels(experimentId, part)));
    }
    return new EnsembleRef(parts.stream().map(Promise::get).toList());
  }
}
