package dev.atelier.worker;

import dev.atelier.artifacts.StoredEnsembles;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.EvaluationSpec;
import dev.atelier.version.CodeVersion;
import dev.atelier.version.Fingerprint;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.EvaluationActivities.Evaluate;
import dev.atelier.workflows.ExtractorRef;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.StatisticsRef;
import dev.atelier.workflows.vocabulary.Subject;
import java.util.List;

/** All that determines the figures of a subject; equal inputs have equal fingerprints. */
record EvaluationInputs(
    Subject subject,
    DatasetRef dataset,
    DiffusionSpec diffusion,
    EvaluationSpec evaluation,
    ExtractorRef extractor,
    StatisticsRef reference,
    List<ModelRef> models) {

  static EvaluationInputs of(Evaluate task, StoredEnsembles ensembles) {
    return new EvaluationInputs(
        task.subject(),
        task.dataset(),
        task.diffusion(),
        task.evaluation().inUsualShards(),
        task.extractor(),
        task.reference(),
        ensembles.read(task.models()));
  }

  /** What the features of its samples are known by. */
  String ofSamples() {
    return Fingerprint.of(this, CodeVersion.SAMPLING.current());
  }

  /** What its figures are known by. */
  String ofFigures() {
    return Fingerprint.of(this, CodeVersion.together(CodeVersion.SAMPLING, CodeVersion.MEASURING));
  }
}
