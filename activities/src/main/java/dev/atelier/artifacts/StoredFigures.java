package dev.atelier.artifacts;

import dev.atelier.evaluation.Evaluation;
import dev.atelier.evaluation.EvaluationInputs;
import dev.atelier.evaluation.FigureStore;
import dev.atelier.store.EvaluationHistory;
import dev.atelier.store.EvaluationReuse;
import dev.atelier.version.CodeVersion;
import dev.atelier.version.Fingerprint;
import dev.atelier.workflows.EvaluationActivities.Evaluate;
import java.util.Optional;

/** Figures as rows, which other experiments find by their fingerprint. */
public record StoredFigures(EvaluationHistory evaluations, EvaluationReuse reuse)
    implements FigureStore {

  /** The version of the code that decides figures. */
  public static String codeVersion() {
    return CodeVersion.together(CodeVersion.SAMPLING, CodeVersion.MEASURING);
  }

  /** What figures are known by. */
  public static String fingerprint(EvaluationInputs inputs) {
    return Fingerprint.of(inputs, codeVersion());
  }

  @Override
  public void begin(Evaluate subject) {
    reuse.beginEvaluation(subject.experimentId(), subject.subject().word());
  }

  @Override
  public Optional<Double> known(Evaluate subject, EvaluationInputs inputs) {
    return reuse.evaluated(subject.experimentId(), subject.subject().word(), fingerprint(inputs));
  }

  @Override
  public void record(Evaluate subject, EvaluationInputs inputs, Evaluation figures) {
    evaluations.record(subject.experimentId(), figures);
    reuse.recordEvaluated(subject.experimentId(), subject.subject().word(), fingerprint(inputs));
  }
}
