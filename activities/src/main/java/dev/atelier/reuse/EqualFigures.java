package dev.atelier.reuse;

import dev.atelier.artifacts.StoredFigures;
import dev.atelier.evaluation.EvaluationInputs;
import dev.atelier.store.EvaluationReuse;
import dev.atelier.store.EvaluationReuse.MeasuredElsewhere;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.training.Ensembles;
import dev.atelier.workflows.EvaluationActivities.Evaluate;
import java.util.Optional;

/** Takes over figures that other experiments have measured of the same models. */
public record EqualFigures(ObjectStore store, EvaluationReuse history, Ensembles ensembles) {

  /**
   * The distance of equal figures; empty: there are none, and this experiment is to measure them.
   *
   * @throws DoneElsewhereException if another experiment measures them now
   */
  public Optional<Double> find(Evaluate task) {
    String experimentId = task.experimentId();
    String subject = task.subject().word();
    String fingerprint =
        StoredFigures.fingerprint(EvaluationInputs.of(task, ensembles.read(task.models())));
    for (MeasuredElsewhere twin : history.evaluations(experimentId, subject, fingerprint)) {
      if (twin.pictureKeys().stream().allMatch(store::exists)) {
        Optional<Double> distance = history.takeOverEvaluation(experimentId, subject, twin);
        if (distance.isPresent()) {
          return distance;
        }
      }
    }
    history
        .claimEvaluation(experimentId, subject, fingerprint)
        .ifPresent(
            other -> {
              throw new DoneElsewhereException(
                  "Waits for experiment %s, which measures the figures of %s in exactly this way."
                      .formatted(other, subject));
            });
    return Optional.empty();
  }
}
