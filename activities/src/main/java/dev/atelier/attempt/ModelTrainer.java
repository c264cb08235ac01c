package dev.atelier.attempt;

import dev.atelier.artifacts.StoredStarts;
import dev.atelier.dataset.Datasets;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.spec.BatchSize;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingSpec;
import dev.atelier.store.AttemptHistory.Attempt;
import dev.atelier.store.CheckpointHistory.CheckpointRow;
import dev.atelier.store.ModelReuse;
import dev.atelier.store.S3CheckpointStore;
import dev.atelier.training.DivergedException;
import dev.atelier.training.ImageSource;
import dev.atelier.training.InvalidSpecException;
import dev.atelier.training.StepThreads;
import dev.atelier.training.TrainingInterruptedException;
import dev.atelier.training.TrainingLoop;
import dev.atelier.training.TrainingTask;
import dev.atelier.work.Doing;
import dev.atelier.work.Scope;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.StartRef;
import dev.atelier.workflows.TrainingActivities.TrainStudent;
import dev.atelier.workflows.TrainingActivities.TrainTeacher;
import java.io.IOException;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/** Trains one model, and keeps its progress and its checkpoints. */
public record ModelTrainer(
    Attempts attempts,
    TrainingTasks tasks,
    Datasets datasets,
    StoredStarts starts,
    ModelReuse reuse) {

  /** Whose training it is. */
  private record Job(String experimentId, ModelKey key, NetworkSpec network, TimestepRange range) {}

  /** Trains a teacher, from its last checkpoint if there is one. */
  public ModelRef train(TrainTeacher task, Scope scope)
      throws IOException, DivergedException, TrainingInterruptedException {
    TimestepRange whole = new TimestepRange(0, task.diffusion().timesteps());
    return train(
        new Job(task.experimentId(), ModelKey.TEACHER, task.network(), whole),
        tasks.of(task),
        images(ModelKey.TEACHER, task.training(), task.dataset()),
        scope);
  }

  /** The same of a student; the weights that it began with are kept where merging may need them. */
  public ModelRef train(TrainStudent task, Scope scope)
      throws IOException, DivergedException, TrainingInterruptedException {
    TrainingTask training = tasks.of(task);
    ImageSource images = images(task.key(), task.training(), task.dataset());
    ModelRef trained =
        train(
            new Job(task.experimentId(), task.key(), task.network(), task.range()),
            training,
            images,
            scope);
    if (!TrainingTasks.startIsShared(task)) {
      return trained;
    }
    StartRef start =
        starts.keep(
            task.experimentId(),
            training.start().of(training, images, attempts.device().name(), scope.path()),
            scope.path());
    reuse.recordStart(task.experimentId(), task.key(), start);
    return trained.startedFrom(start);
  }

  /** Batches of a retry may be larger than those that the spec asked for. */
  private ImageSource images(ModelKey key, TrainingSpec training, DatasetRef dataset)
      throws IOException {
    BatchSize size = new BatchSize("training.batchSize of " + key.value(), training.batchSize());
    size.fault(dataset.images())
        .ifPresent(
            reason -> {
              throw new InvalidSpecException(size.field() + " " + reason);
            });
    return datasets.seen(dataset);
  }

  private ModelRef train(Job job, TrainingTask task, ImageSource images, Scope scope)
      throws IOException, DivergedException, TrainingInterruptedException {
    int threads =
        StepThreads.of(task.network().macs(), task.training(), attempts.device().threads());
    Libtorch.useThreads(threads);
    Attempt attempt =
        attempts.start(
            job.experimentId(),
            job.key(),
            task.training().steps(),
            task.network().parameters(),
            Optional.of(task.network().macs()));
    S3CheckpointStore kept =
        attempts.checkpoints(job.experimentId(), job.key(), attempt, threads, scope.path());
    run(task, images, attempt, kept, scope);
    CheckpointRow last = attempts.finish(job.experimentId(), job.key(), attempt);
    return new ModelRef(
        job.key(),
        Optional.of(job.network()),
        job.range(),
        last.manifestKey(),
        last.manifestSha256(),
        last.step());
  }

  private void run(
      TrainingTask task, ImageSource images, Attempt attempt, S3CheckpointStore kept, Scope scope)
      throws IOException, DivergedException, TrainingInterruptedException {
    try (ProgressReporter progress = attempts.progress(attempt);
        TrainingMeters meters = new TrainingMeters(progress, task.training().batchSize())) {
      scope.describe(() -> Doing.of(progress.summary()));
      BooleanSupplier stop = () -> scope.stops() || progress.superseded().isPresent();
      try {
        new TrainingLoop(
                task,
                images,
                TrainingMeters.timed(progress.before(kept)),
                meters,
                stop,
                attempts.device().name(),
                scope.path())
            .run();
      } catch (TrainingInterruptedException e) {
        scope.stopIfCanceled();
        throw e; // which says how far it came
      }
      progress.flush();
    }
  }
}
