package dev.atelier.training;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.diffusion.SeededRandom.Purpose;
import dev.atelier.network.HostTensor;
import dev.atelier.network.Libtorch;
import dev.atelier.network.TorchModule;
import dev.atelier.network.TorchScriptArchive;
import dev.atelier.network.TrainingModule;
import dev.atelier.network.TrainingModule.Settings;
import dev.atelier.network.TrainingModule.State;
import dev.atelier.spec.LossSpec;
import dev.atelier.spec.TrainingSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * Trains one model from its last good checkpoint, or from the start, to its last step.
 *
 * <p>Every random draw is a pure function of (seed, purpose, step), and a checkpoint holds all that
 * a step changes: a training that was killed and resumed ends with the same bits as one that was
 * not, on the same machine and number of threads.
 */
public final class TrainingLoop {
  private final TrainingTask task;
  private final ImageSource images;
  private final CheckpointStore checkpoints;
  private final TrainingListener listener;
  private final BooleanSupplier stopRequested;
  private final String device;
  private final Path workDirectory;

  /**
   * Prepares a training.
   *
   * @param stopRequested asked after every step; true saves a checkpoint and ends the training
   * @param device {@code cpu}, {@code cuda:0}, …
   * @param workDirectory for files that live as long as the training; must exist
   */
  public TrainingLoop(
      TrainingTask task,
      ImageSource images,
      CheckpointStore checkpoints,
      TrainingListener listener,
      BooleanSupplier stopRequested,
      String device,
      Path workDirectory) {
    this.task = task;
    this.images = images;
    this.checkpoints = checkpoints;
    this.listener = listener;
    this.stopRequested = stopRequested;
    this.device = device;
    this.workDirectory = workDirectory;
  }

  /**
   * Runs to the last step.
   *
   * @throws DivergedException if the loss or the gradient is no longer finite
   * @throws TrainingInterruptedException after a stop was requested and the state saved
   * @throws IOException if a checkpoint can't be read or written
   */
  public TrainingResult run() throws IOException, DivergedException, TrainingInterruptedException {
    if (images.count() < 1) {
      throw new IllegalArgumentException(
          "Training of %s needs at least 1 image, found 0.".formatted(task.name()));
    }
    Optional<Checkpoint> start = checkpoints.latest();
    int step = start.map(Checkpoint::step).orElse(0);
    TrainingSpec spec = task.training();
    listener.onStart(step, spec.steps());
    if (step < spec.steps()) {
      try (TorchModule student = open(start);
          Teacher teacher = Teacher.of(task, device)) {
        train(student, teacher, step);
      }
    }
    return new TrainingResult(spec.steps(), task.network().parameters(), task.network().macs());
  }

  private TorchModule open(Optional<Checkpoint> start) throws IOException {
    State state =
        start.isPresent()
            ? TrainingState.read(start.get())
            : TrainingState.initial(task.network(), task.seed());
    LossSpec loss =
        task.distillation().map(Distillation::loss).orElseGet(() -> new LossSpec(1.0, 0.0));
    Settings settings =
        new Settings(
            task.training().clipNorm(),
            task.training().weightDecay(),
            loss.diffusion(),
            loss.prediction());
    Path archive = Files.createTempFile(workDirectory, "training-", ".pt");
    try {
      TorchScriptArchive.write(archive, TrainingModule.of(task.network(), state, settings));
      return Libtorch.load(archive, device, TorchModule.Mode.TRAINING);
    } finally {
      Files.delete(archive);
    }
  }

  private void train(TorchModule student, Teacher teacher, int firstStep)
      throws IOException, DivergedException, TrainingInterruptedException {
    TrainingSpec spec = task.training();
    TrainingBatch batch = new TrainingBatch(task, images);
    SeededRandom random = new SeededRandom(task.seed());
    IntervalMeans means = new IntervalMeans(spec.steps(), spec.batchSize());
    HostTensor hyper = HostTensor.zeros(HostTensor.DType.F64, 2);
    HostTensor counters = HostTensor.zeros(HostTensor.DType.I64, 2);
    int lastGoodStep = firstStep;
    for (int step = firstStep; step < spec.steps(); step++) {
      batch.draw(step);
      int done = step + 1;
      double learningRate = learningRate(spec, step);
      hyper.putDoubles(new double[] {learningRate, emaDecay(spec, step)});
      counters.putLongs(new long[] {done, random.seedFor(Purpose.DROPOUT, step)});
      double[] metrics = teacher.step(student, batch, hyper, counters);
      means.add(metrics);
      if (!Double.isFinite(metrics[0]) || !Double.isFinite(metrics[3])) {
        throw new DivergedException(task.name(), done, metrics[0], metrics[3], lastGoodStep);
      }
      boolean last = done == spec.steps();
      if (last || done % spec.metricsEverySteps() == 0) {
        listener.onMetrics(means.report(done, learningRate));
      }
      boolean stop = !last && stopRequested.getAsBoolean();
      if (last || stop || done % spec.checkpointEverySteps() == 0) {
        save(student, done);
        lastGoodStep = done;
      }
      if (stop) {
        throw new TrainingInterruptedException(task.name(), done);
      }
    }
  }

  private void save(TorchModule student, int step) throws IOException {
    Path directory = Files.createTempDirectory(workDirectory, "checkpoint-" + step + "-");
    try {
      Checkpoint checkpoint = TrainingState.write(student, task, step, directory);
      checkpoints.save(checkpoint);
    } finally {
      for (Checkpoint.Part part : Checkpoint.Part.values()) {
        Files.deleteIfExists(directory.resolve(part.fileName()));
      }
      Files.deleteIfExists(directory);
    }
    listener.onCheckpoint(step);
  }

  /** Linear warm-up from lr / warmupSteps at step 0, then constant. */
  static double learningRate(TrainingSpec spec, int step) {
    double warm = spec.warmupSteps() == 0 ? 1 : (step + 1.0) / spec.warmupSteps();
    return spec.learningRate() * Math.min(1, warm);
  }

  /** min(decay, (1 + step) / (10 + step)), step from 0: the average of a young model is young. */
  static double emaDecay(TrainingSpec spec, int step) {
    return Math.min(spec.emaDecay(), (1.0 + step) / (10.0 + step));
  }
}
