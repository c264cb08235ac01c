package dev.atelier.worker;

import dev.atelier.reuse.EqualFigures;
import dev.atelier.reuse.EqualModels;
import dev.atelier.spec.ExperimentSpec.Reuse;
import dev.atelier.workflows.EvaluationActivities.Evaluate;
import dev.atelier.workflows.EvaluationActivities.Evaluated;
import dev.atelier.workflows.ReuseActivities;
import dev.atelier.workflows.TrainingActivities.TrainStudent;
import dev.atelier.workflows.TrainingActivities.TrainTeacher;
import java.util.Optional;

/** Takes over models and figures that other experiments have made in the same way. */
record ReuseActivitiesImpl(EqualModels models, EqualFigures figures) implements ReuseActivities {

  @Override
  public Found findTeacher(TrainTeacher task) {
    return Failures.translating(() -> new Found(models.find(task)));
  }

  @Override
  public Found findStudent(TrainStudent task) {
    return Failures.translating(() -> new Found(models.find(task)));
  }

  @Override
  public FoundEvaluation findEvaluation(Evaluate task) {
    if (task.reuse() == Reuse.NEVER) {
      return new FoundEvaluation(Optional.empty());
    }
    return Failures.translating(
        () ->
            new FoundEvaluation(
                figures.find(task).map(distance -> new Evaluated(task.subject(), distance))));
  }
}
