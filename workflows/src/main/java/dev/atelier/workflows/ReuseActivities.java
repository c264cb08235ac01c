package dev.atelier.workflows;

import dev.atelier.workflows.EvaluationActivities.Evaluate;
import dev.atelier.workflows.EvaluationActivities.Evaluated;
import dev.atelier.workflows.TrainingActivities.TrainStudent;
import dev.atelier.workflows.TrainingActivities.TrainTeacher;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityMethod;
import java.util.Optional;

/**
 * Finds models and figures that are already there, so that no work is done twice. While another
 * experiment is at the same work, these fail and are tried again, so that nobody waits on a device.
 */
@ActivityInterface
public interface ReuseActivities {

  /**
   * The model to use.
   *
   * @param model absent: this experiment is the one to train it
   */
  record Found(Optional<ModelRef> model) {}

  /**
   * Figures that are known.
   *
   * @param evaluated absent: the subject is to be sampled
   */
  record FoundEvaluation(Optional<Evaluated> evaluated) {}

  @ActivityMethod(name = "FindTeacher")
  Found findTeacher(TrainTeacher task);

  @ActivityMethod(name = "FindStudent")
  Found findStudent(TrainStudent task);

  /** Takes over the figures of another experiment that judged the same models in the same way. */
  @ActivityMethod(name = "FindEvaluation")
  FoundEvaluation findEvaluation(Evaluate task);
}
