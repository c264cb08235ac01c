package dev.atelier.worker;

import dev.atelier.spec.ExperimentSpec.Reuse;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.store.CheckpointManifest;
import dev.atelier.store.EvaluationReuse;
import dev.atelier.store.EvaluationReuse.MeasuredElsewhere;
import dev.atelier.store.ModelReuse;
import dev.atelier.store.ModelReuse.Elsewhere;
import dev.atelier.store.ModelReuse.Trained;
import dev.atelier.store.ObjectCorruptException;
import dev.atelier.store.ObjectStore;
import dev.atelier.workflows.ErrorType;
import dev.atelier.workflows.EvaluationActivities.Evaluate;
import dev.atelier.workflows.EvaluationActivities.Evaluated;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.ReuseActivities;
import dev.atelier.workflows.TrainingActivities.TrainStudent;
import dev.atelier.workflows.TrainingActivities.TrainTeacher;
import io.temporal.activity.Activity;
import io.temporal.failure.ApplicationFailure;
import java.time.Duration;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/** Takes over models and figures that other experiments have made in the same way. */
final class ReuseActivitiesImpl implements ReuseActivities {

  private static final Duration FIRST_ASKED_AGAIN = Duration.ofSeconds(5);
  private static final Duration ASKED_AGAIN_WITHIN = Duration.ofMinutes(1);

  private final ObjectStore store;
  private final ModelReuse models;
  private final EvaluationReuse evaluations;
  private final Ensembles ensembles;

  ReuseActivitiesImpl(ObjectStore store, ModelReuse models, EvaluationReuse evaluations) {
    this.store = store;
    this.models = models;
    this.evaluations = evaluations;
    this.ensembles = new Ensembles(store);
  }

  @Override
  public Found findTeacher(TrainTeacher task) {
    TimestepRange whole = new TimestepRange(0, task.diffusion().timesteps());
    Wanted wanted =
        new Wanted(task.experimentId(), ModelKey.TEACHER, task.network(), whole, fingerprint(task));
    return Failures.translating(() -> find(wanted));
  }

  @Override
  public Found findStudent(TrainStudent task) {
    Wanted wanted =
        new Wanted(
            task.experimentId(), task.key(), task.network(), task.range(), fingerprint(task));
    return Failures.translating(() -> find(wanted));
  }

  @Override
  public FoundEvaluation findEvaluation(Evaluate task) {
    if (task.reuse() == Reuse.NEVER) {
      return new FoundEvaluation(Optional.empty());
    }
    return Failures.translating(
        () ->
            new FoundEvaluation(
                figures(task).map(distance -> new Evaluated(task.subject(), distance))));
  }

  private Optional<Double> figures(Evaluate task) {
    String experimentId = task.experimentId();
    String subject = task.subject().word();
    String fingerprint = EvaluationInputs.of(task, ensembles).ofFigures();
    for (MeasuredElsewhere twin : evaluations.evaluations(experimentId, subject, fingerprint)) {
      if (twin.pictureKeys().stream().allMatch(store::exists)) {
        Optional<Double> distance = evaluations.takeOverEvaluation(experimentId, subject, twin);
        if (distance.isPresent()) {
          return distance;
        }
      }
    }
    evaluations
        .claimEvaluation(experimentId, subject, fingerprint)
        .ifPresent(
            other -> {
              throw waitFor(
                  "Waits for experiment %s, which measures the figures of %s in exactly this way."
                      .formatted(other, subject));
            });
    return Optional.empty();
  }

  private record Wanted(
      String experimentId,
      ModelKey key,
      NetworkSpec network,
      TimestepRange range,
      String fingerprint) {}

  private static String fingerprint(Record task) {
    return Fingerprint.of(task, CodeVersion.TRAINING.current());
  }

  private Found find(Wanted wanted) {
    Set<Long> useless = new HashSet<>();
    for (Trained twin : models.trained(wanted.experimentId(), wanted.fingerprint())) {
      if (isWhole(twin)
          && models.recordReused(wanted.experimentId(), wanted.key(), wanted.fingerprint(), twin)) {
        return new Found(
            Optional.of(
                new ModelRef(
                    wanted.key(),
                    Optional.of(wanted.network()),
                    wanted.range(),
                    twin.lastCheckpoint().manifestKey(),
                    twin.lastCheckpoint().manifestSha256(),
                    twin.lastCheckpoint().step(),
                    twin.start())));
      }
      useless.add(twin.modelId());
    }
    Optional<Elsewhere> other =
        models.claim(wanted.experimentId(), wanted.key(), wanted.fingerprint(), useless);
    if (other.isPresent()) {
      throw waitFor(
          "Waits for %s of experiment %s, which is trained in exactly this way."
              .formatted(other.get().key(), other.get().experimentId()));
    }
    return new Found(Optional.empty());
  }

  /** The failure of an activity that is to be tried again while another experiment works. */
  static ApplicationFailure waitFor(String message) {
    return ErrorType.DONE_ELSEWHERE.retriedAfter(
        askAgainAfter(Activity.getExecutionContext().getInfo().getAttempt()), message);
  }

  /** Grows with the wait, so that hundreds may wait for hours without keeping Temporal busy. */
  static Duration askAgainAfter(int attempt) {
    return FIRST_ASKED_AGAIN.multipliedBy(
        Math.min(attempt, ASKED_AGAIN_WITHIN.dividedBy(FIRST_ASKED_AGAIN)));
  }

  /** Whether the model's last checkpoint is in the store, its manifest as it was written. */
  private boolean isWhole(Trained twin) {
    try {
      return CheckpointManifest.read(
                  store,
                  twin.lastCheckpoint().manifestKey(),
                  twin.lastCheckpoint().manifestSha256())
              .objects()
              .stream()
              .allMatch(object -> store.exists(object.key()))
          && twin.start().stream().allMatch(start -> store.exists(start.objectKey()));
    } catch (ObjectCorruptException e) {
      return false;
    }
  }
}
