package dev.atelier.evaluation;

import dev.atelier.workflows.EvaluationActivities.Evaluate;
import java.util.Optional;

/** Where the figures of subjects are kept, with all that determines them. */
public interface FigureStore {

  /** Says that a worker has begun, so that others who want the same figures wait for them. */
  void begin(Evaluate subject);

  /** The distance of this subject, if an attempt before this one has recorded its figures. */
  Optional<Double> known(Evaluate subject, EvaluationInputs inputs);

  void record(Evaluate subject, EvaluationInputs inputs, Evaluation figures);
}
