package dev.atelier.worker;

import dev.atelier.dataset.PackedImages;
import dev.atelier.network.Libtorch;
import dev.atelier.network.UNet;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingSpec;
import dev.atelier.store.ExperimentHistory;
import dev.atelier.store.ExperimentHistory.Attempt;
import dev.atelier.store.ExperimentHistory.CheckpointRow;
import dev.atelier.store.ObjectStore;
import dev.atelier.store.S3CheckpointStore;
import dev.atelier.store.Sha256;
import dev.atelier.store.TrainingEnvironment;
import dev.atelier.training.Distillation;
import dev.atelier.training.DivergedException;
import dev.atelier.training.TeacherModel;
import dev.atelier.training.TrainingInterruptedException;
import dev.atelier.training.TrainingLoop;
import dev.atelier.training.TrainingTask;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.TrainingActivities;
import io.temporal.activity.Activity;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/** Trains one model, and keeps its progress and its checkpoints. */
final class TrainingActivitiesImpl implements TrainingActivities {

  private final WorkerConfig.Worker config;
  private final ObjectStore store;
  private final ExperimentHistory history;
  private final ArtifactCache cache;
  private final Datasets datasets;
  private final TrainedModels models;
  private final BooleanSupplier draining;

  TrainingActivitiesImpl(
      WorkerConfig.Worker config,
      ObjectStore store,
      ExperimentHistory history,
      ArtifactCache cache,
      BooleanSupplier draining) {
    this.config = config;
    this.store = store;
    this.history = history;
    this.cache = cache;
    this.datasets = new Datasets(store, cache);
    this.models = new TrainedModels(store, cache);
    this.draining = draining;
  }

  @Override
  public ModelRef trainTeacher(TrainTeacher task) {
    return Failures.translating(
        () -> {
          try (Heartbeat heartbeat = new Heartbeat(Activity.getExecutionContext());
              WorkDirectory work = cache.newWorkDirectory("teacher-")) {
            TimestepRange whole = new TimestepRange(0, task.diffusion().timesteps());
            TrainingTask training =
                new TrainingTask(
                    ModelKey.TEACHER.value(),
                    UNet.of(task.network(), task.dataset().resolution(), task.dataset().channels()),
                    task.diffusion(),
                    task.training(),
                    seedOf(task.seed(), ModelKey.TEACHER),
                    hashOf(task),
                    CodeVersion.CURRENT,
                    Optional.empty());
            return train(
                new Job(task.experimentId(), ModelKey.TEACHER, task.network(), whole),
                training,
                datasets.open(task.dataset()),
                work.path(),
                heartbeat);
          }
        });
  }

  @Override
  public ModelRef trainStudent(TrainStudent task) {
    return Failures.translating(
        () -> {
          try (Heartbeat heartbeat = new Heartbeat(Activity.getExecutionContext());
              WorkDirectory work = cache.newWorkDirectory(task.key() + "-")) {
            TeacherModel teacher =
                new TeacherModel.Weights(
                    TrainedModels.network(task.teacher(), task.dataset()),
                    models.weights(task.teacher(), task.dataset()));
            TrainingTask training =
                new TrainingTask(
                    task.key().value(),
                    UNet.of(task.network(), task.dataset().resolution(), task.dataset().channels()),
                    task.diffusion(),
                    task.training(),
                    seedOf(task.seed(), task.key()),
                    hashOf(task),
                    CodeVersion.CURRENT,
                    Optional.of(
                        new Distillation(
                            teacher, task.range(), task.specificProbability(), task.loss())));
            return train(
                new Job(task.experimentId(), task.key(), task.network(), task.range()),
                training,
                datasets.open(task.dataset()),
                work.path(),
                heartbeat);
          }
        });
  }

  /** Whose training it is. */
  private record Job(String experimentId, ModelKey key, NetworkSpec network, TimestepRange range) {}

  private ModelRef train(
      Job job, TrainingTask task, PackedImages images, Path work, Heartbeat heartbeat)
      throws IOException, DivergedException, TrainingInterruptedException {
    Libtorch.useThreads(config.threads());
    TrainingSpec training = task.training();
    Attempt attempt =
        history.startAttempt(
            job.experimentId(),
            job.key(),
            training.steps(),
            task.network().parameters(),
            task.network().macs(),
            config.name());
    S3CheckpointStore checkpoints =
        new S3CheckpointStore(
            store,
            history,
            job.experimentId(),
            job.key(),
            attempt,
            TrainingEnvironment.here(config.device(), config.threads()),
            work);
    try (ProgressReporter progress = new ProgressReporter(history, attempt)) {
      heartbeat.describe(progress::summary);
      BooleanSupplier stop =
          () ->
              draining.getAsBoolean()
                  || heartbeat.ended().isPresent()
                  || progress.superseded().isPresent();
      try {
        new TrainingLoop(task, images, checkpoints, progress, stop, config.device(), work).run();
      } catch (TrainingInterruptedException e) {
        heartbeat.throwIfEnded();
        throw e;
      }
      progress.flush();
    }
    history.recordModelDone(job.experimentId(), job.key(), attempt);
    CheckpointRow last = history.checkpoints(attempt).get(0);
    return new ModelRef(
        job.key(),
        job.network(),
        job.range(),
        last.manifestKey(),
        last.manifestSha256(),
        last.step());
  }

  /** Each model draws its own numbers, all of them from the experiment's seed. */
  private static long seedOf(long experimentSeed, ModelKey key) {
    String hash = Sha256.of((experimentSeed + "/" + key).getBytes(StandardCharsets.UTF_8));
    return ByteBuffer.wrap(HexFormat.of().parseHex(hash)).getLong();
  }

  private static String hashOf(Record task) {
    return Sha256.of(task.toString().getBytes(StandardCharsets.UTF_8));
  }
}
