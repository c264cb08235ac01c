package dev.atelier.evaluation;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.EvaluationSpec;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.EvaluationActivities.Evaluate;
import dev.atelier.workflows.ExtractorRef;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.StatisticsRef;
import dev.atelier.workflows.vocabulary.Subject;
import java.util.List;

/** All that determines the figures of a subject; equal inputs have equal fingerprints. */
public record EvaluationInputs(
    Subject subject,
    DatasetRef dataset,
    DiffusionSpec diffusion,
    EvaluationSpec evaluation,
    ExtractorRef extractor,
    StatisticsRef reference,
    List<ModelRef> models,
    @JsonInclude(JsonInclude.Include.NON_DEFAULT) boolean distilledGuidance) {

  /**
   * The inputs of a task.
   *
   * @param models that the task names, in order of their ranges
   */
  public static EvaluationInputs of(Evaluate task, List<ModelRef> models) {
    return new EvaluationInputs(
        task.subject(),
        task.dataset(),
        task.diffusion(),
        task.evaluation().inUsualShards(),
        task.extractor(),
        task.reference(),
        models,
        task.distilledGuidance());
  }
}
