package dev.atelier.worker;

import dev.atelier.dataset.PackedImages;
import dev.atelier.network.HostTensor;
import dev.atelier.network.Libtorch;
import dev.atelier.network.Network;
import dev.atelier.network.SafetensorsFile;
import dev.atelier.network.TeacherException;
import dev.atelier.network.TeacherImport;
import dev.atelier.network.TeacherImport.Imported;
import dev.atelier.opening.Opening;
import dev.atelier.spec.BatchSize;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.SpecFault;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingSpec;
import dev.atelier.store.AttemptHistory;
import dev.atelier.store.AttemptHistory.Attempt;
import dev.atelier.store.CheckpointHistory;
import dev.atelier.store.CheckpointHistory.CheckpointRow;
import dev.atelier.store.EventHistory;
import dev.atelier.store.ExperimentHistory;
import dev.atelier.store.ExperimentKeys;
import dev.atelier.store.ModelReuse;
import dev.atelier.store.ObjectStore;
import dev.atelier.store.S3CheckpointStore;
import dev.atelier.store.Sha256;
import dev.atelier.store.TrainingEnvironment;
import dev.atelier.training.Checkpoint;
import dev.atelier.training.CheckpointStore;
import dev.atelier.training.DivergedException;
import dev.atelier.training.InvalidSpecException;
import dev.atelier.training.StepThreads;
import dev.atelier.training.TrainingInterruptedException;
import dev.atelier.training.TrainingLoop;
import dev.atelier.training.TrainingTask;
import dev.atelier.untrusted.OneLine;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.StartRef;
import dev.atelier.workflows.TrainingActivities;
import dev.atelier.workflows.vocabulary.EventKind;
import io.temporal.activity.Activity;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import javax.sql.DataSource;

/** Trains or imports one model, and keeps its progress and its checkpoints. */
final class TrainingActivitiesImpl implements TrainingActivities {

  private static final int MAX_DETAIL = 1000; // characters; parts of it are a user's file names

  private final WorkerConfig.Worker config;
  private final ObjectStore store;
  private final ExperimentHistory experiments;
  private final AttemptHistory attempts;
  private final CheckpointHistory checkpoints;
  private final EventHistory events;
  private final ModelReuse reuse;
  private final ArtifactCache cache;
  private final Datasets datasets;
  private final TrainingTasks tasks;
  private final BooleanSupplier draining;

  TrainingActivitiesImpl(
      WorkerConfig.Worker config,
      ObjectStore store,
      DataSource database,
      ArtifactCache cache,
      BooleanSupplier draining) {
    this.config = config;
    this.store = store;
    this.experiments = new ExperimentHistory(database);
    this.attempts = new AttemptHistory(database);
    this.checkpoints = new CheckpointHistory(database);
    this.events = new EventHistory(database);
    this.reuse = new ModelReuse(database);
    this.cache = cache;
    this.datasets = new Datasets(store, cache);
    this.tasks = new TrainingTasks(new TrainedModels(store, cache));
    this.draining = draining;
  }

  @Override
  public ModelRef trainTeacher(TrainTeacher task) {
    return Failures.translating(
        () -> {
          try (Heartbeat heartbeat = new Heartbeat(Activity.getExecutionContext());
              WorkDirectory work = cache.newWorkDirectory("teacher-")) {
            TimestepRange whole = new TimestepRange(0, task.diffusion().timesteps());
            return train(
                new Job(task.experimentId(), ModelKey.TEACHER, task.network(), whole),
                tasks.of(task),
                images(ModelKey.TEACHER, task.training(), task.dataset()),
                work.path(),
                heartbeat);
          }
        });
  }

  @Override
  public ModelRef importTeacher(ImportTeacher task) {
    return Failures.translating(
        () -> {
          try (Heartbeat heartbeat = new Heartbeat(Activity.getExecutionContext());
              WorkDirectory work = cache.newWorkDirectory("import-")) {
            String shown = TeacherFiles.shown(task.source());
            heartbeat.describe(() -> "importing " + shown);
            Libtorch.useThreads(config.threads());
            TeacherFiles teachers = new TeacherFiles(store, cache);
            Path source =
                teachers.fetch(task.source(), new SourceNotices(events, task.experimentId()));
            TeacherImport.Expected expected =
                new TeacherImport.Expected(
                    task.network(),
                    task.dataset().resolution(),
                    task.dataset().channels(),
                    task.dataset().classes(),
                    task.diffusion(),
                    task.clip().orElse(true));
            try {
              cache
                  .opener()
                  .open(
                      new Opening.Teacher(source, shown, expected),
                      work.path(),
                      heartbeat::throwIfEnded);
            } catch (TeacherException e) {
              throw teachers.unusable(task.source(), e);
            }
            Imported imported =
                TeacherImport.read(source, shown, expected, config.device(), work.path());
            heartbeat.throwIfEnded();
            events.record(
                task.experimentId(),
                EventKind.TEACHER_TAKEN,
                OneLine.of("took " + imported.taken(), MAX_DETAIL));
            if (task.diffusion().isTeachers()) {
              takeOver(task.experimentId(), shown, imported.diffusion());
            }
            ModelRef teacher = keep(task, imported, work.path());
            return task.diffusion().isTeachers() ? teacher.bringing(imported.diffusion()) : teacher;
          }
        });
  }

  /** The spec has left the forward process to the teacher. */
  private void takeOver(String experimentId, String shown, DiffusionSpec diffusion) {
    List<SpecFault> faults = experiments.recordDiffusion(experimentId, diffusion);
    if (!faults.isEmpty()) {
      throw new TeacherException(
          shown,
          "with the forward process that it brings, of %d timesteps, %s %s"
              .formatted(
                  diffusion.timesteps(),
                  faults.get(0).field(),
                  faults.get(0).message().replaceFirst("\\.$", "")));
    }
  }

  /** Stores an imported teacher as a checkpoint of step 0. */
  private ModelRef keep(ImportTeacher task, Imported imported, Path work) throws IOException {
    Path file;
    long parameters;
    Optional<Network> network;
    if (imported instanceof TeacherImport.Weights weights) {
      file = work.resolve(Checkpoint.Part.EMA.fileName());
      SafetensorsFile.write(file, weights.tensors(), Map.of("step", "0", "part", "ema"));
      parameters = weights.network().parameters();
      network = Optional.of(weights.network());
    } else {
      TeacherImport.TorchScript module = (TeacherImport.TorchScript) imported;
      file = work.resolve(TrainedModels.IMPORTED_ARCHIVE);
      Files.copy(module.file(), file);
      parameters = module.parameters();
      network = Optional.empty();
    }
    Attempt attempt =
        attempts.start(
            task.experimentId(),
            ModelKey.TEACHER,
            0,
            parameters,
            network.map(Network::macs),
            config.name());
    new S3CheckpointStore(
            store,
            checkpoints,
            events,
            task.experimentId(),
            ModelKey.TEACHER,
            attempt,
            TrainingEnvironment.here(config.device(), config.threads()),
            work)
        .saveImported(TrainingTasks.hashOf(task), CodeVersion.TRAINING.current(), file);
    attempts.recordDone(task.experimentId(), ModelKey.TEACHER, attempt);
    CheckpointRow stored = checkpoints.of(attempt).get(0);
    return new ModelRef(
        ModelKey.TEACHER,
        network.map(Network::spec),
        new TimestepRange(0, imported.diffusion().timesteps()),
        stored.manifestKey(),
        stored.manifestSha256(),
        stored.step());
  }

  @Override
  public ModelRef trainStudent(TrainStudent task) {
    return Failures.translating(
        () -> {
          try (Heartbeat heartbeat = new Heartbeat(Activity.getExecutionContext());
              WorkDirectory work = cache.newWorkDirectory(task.key() + "-")) {
            TrainingTask training = tasks.of(task);
            PackedImages images = images(task.key(), task.training(), task.dataset());
            ModelRef trained =
                train(
                    new Job(task.experimentId(), task.key(), task.network(), task.range()),
                    training,
                    images,
                    work.path(),
                    heartbeat);
            if (!TrainingTasks.startIsShared(task)) {
              return trained;
            }
            StartRef start =
                keepStart(
                    task.experimentId(),
                    training.start().of(training, images, config.device(), work.path()),
                    work.path());
            reuse.recordStart(task.experimentId(), task.key(), start);
            return trained.startedFrom(start);
          }
        });
  }

  /** Batches of a retry may be larger than those that the spec asked for. */
  private PackedImages images(ModelKey key, TrainingSpec training, DatasetRef dataset)
      throws IOException {
    BatchSize size = new BatchSize("training.batchSize of " + key.value(), training.batchSize());
    size.fault(dataset.images())
        .ifPresent(
            reason -> {
              throw new InvalidSpecException(size.field() + " " + reason);
            });
    return datasets.open(dataset);
  }

  /** Whose training it is. */
  private record Job(String experimentId, ModelKey key, NetworkSpec network, TimestepRange range) {}

  private ModelRef train(
      Job job, TrainingTask task, PackedImages images, Path work, Heartbeat heartbeat)
      throws IOException, DivergedException, TrainingInterruptedException {
    TrainingSpec training = task.training();
    int threads = StepThreads.of(task.network().macs(), training, config.threads());
    Libtorch.useThreads(threads);
    Attempt attempt =
        attempts.start(
            job.experimentId(),
            job.key(),
            training.steps(),
            task.network().parameters(),
            Optional.of(task.network().macs()),
            config.name());
    S3CheckpointStore kept =
        new S3CheckpointStore(
            store,
            checkpoints,
            events,
            job.experimentId(),
            job.key(),
            attempt,
            TrainingEnvironment.here(config.device(), threads),
            work);
    try (ProgressReporter progress =
            new ProgressReporter(attempts, attempt, !config.device().equals("cpu"));
        TrainingMeters meters = new TrainingMeters(progress, training.batchSize())) {
      heartbeat.describe(progress::summary);
      BooleanSupplier stop =
          () ->
              draining.getAsBoolean()
                  || heartbeat.ended().isPresent()
                  || progress.superseded().isPresent();
      try {
        new TrainingLoop(
                task,
                images,
                TrainingMeters.timed(afterMetrics(progress, kept)),
                meters,
                stop,
                config.device(),
                work)
            .run();
      } catch (TrainingInterruptedException e) {
        if (!draining.getAsBoolean()) { // else it says how far it came
          heartbeat.throwIfEnded();
        }
        throw e;
      }
      progress.flush();
    }
    attempts.recordDone(job.experimentId(), job.key(), attempt);
    CheckpointRow last = checkpoints.of(attempt).get(0);
    return new ModelRef(
        job.key(),
        Optional.of(job.network()),
        job.range(),
        last.manifestKey(),
        last.manifestSha256(),
        last.step());
  }

  /**
   * Writes the metrics that are pending before each checkpoint: whoever goes on from it does not
   * repeat the steps that they are of.
   */
  static CheckpointStore afterMetrics(ProgressReporter progress, CheckpointStore store) {
    return new CheckpointStore() {
      @Override
      public Optional<Checkpoint> latest() throws IOException {
        return store.latest();
      }

      @Override
      public void save(Checkpoint checkpoint) throws IOException {
        progress.flush();
        store.save(checkpoint);
      }
    };
  }

  /** Keeps the weights that a training began with, which merging needs. */
  private StartRef keepStart(String experimentId, Map<String, HostTensor> weights, Path work)
      throws IOException {
    Path file = work.resolve("start.safetensors");
    SafetensorsFile.write(file, weights, Map.of("part", "start"));
    String sha256 = Sha256.of(file);
    String key = ExperimentKeys.start(experimentId, sha256);
    if (!store.exists(key)) {
      store.put(key, file, "application/octet-stream");
    }
    return new StartRef(key, sha256);
  }
}
