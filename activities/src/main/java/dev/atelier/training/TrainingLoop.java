package dev.atelier.training;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.diffusion.SeededRandom.Purpose;
import dev.atelier.network.LowRank;
import dev.atelier.network.NetworkForm;
import dev.atelier.network.StepFigures;
import dev.atelier.network.TrainingModule;
import dev.atelier.network.TrainingModule.Settings;
import dev.atelier.network.TrainingModule.State;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.MemoryRanOutException;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.spec.LossSpec;
import dev.atelier.spec.TrainingSpec;
import dev.atelier.workflows.vocabulary.CheckpointPart;
import dev.atelier.workflows.vocabulary.Series;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
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
   * @throws DivergedException if the loss, the gradient or the state is no longer finite, or the
   *     loss above its bound
   * @throws IllegalArgumentException if there is no image, or the batch can't be cut as asked
   * @throws TrainingInterruptedException after a stop was requested and the state saved
   * @throws IOException if a checkpoint can't be read or written
   */
  public TrainingResult run() throws IOException, DivergedException, TrainingInterruptedException {
    if (images.count() < 1) {
      throw new IllegalArgumentException(
          "Training of %s needs at least 1 image, found 0.".formatted(task.name()));
    }
    if (task.training().batchSize() % task.training().accumulationSteps() != 0) {
      throw new IllegalArgumentException(
          "training.accumulationSteps of %s must divide batchSize %d, found %d."
              .formatted(
                  task.name(), task.training().batchSize(), task.training().accumulationSteps()));
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
    Optional<LowRank.Base> base = base();
    State state = start.isPresent() ? TrainingState.read(start.get()) : initialState();
    LossSpec loss =
        task.distillation().map(Distillation::loss).orElseGet(() -> new LossSpec(1.0, 0.0));
    Settings settings =
        Settings.of(
            task.training(), loss, NetworkForm.of(device), task.diffusion(), task.predicts());
    Path archive = Files.createTempFile(workDirectory, "training-", ".pt");
    try {
      TorchScriptArchive.write(
          archive, TrainingModule.of(task.network(), state, settings, Teacher.network(task), base));
      TorchModule student = Libtorch.load(archive, device, TorchModule.Mode.TRAINING);
      if (base.isPresent()) {
        student.run("merge"); // by the same kernel as after each step: a resumed run has its bits
      }
      return student;
    } finally {
      Files.delete(archive);
    }
  }

  private Optional<LowRank.Base> base() throws IOException {
    return task.update().isPresent()
        ? Optional.of(
            new LowRank.Base(
                task.update().get(), task.start().of(task, images, device, workDirectory)))
        : Optional.empty();
  }

  private State initialState() throws IOException {
    State network =
        TrainingState.initial(
            task.update().isPresent()
                ? task.update().get().initialise(new SeededRandom(task.seed()))
                : task.start().of(task, images, device, workDirectory));
    return Teacher.featureLoss(task)
        .map(feature -> TrainingState.withAdaptors(network, feature, task.network(), task.seed()))
        .orElse(network);
  }

  private void train(TorchModule student, Teacher teacher, int firstStep)
      throws IOException, DivergedException, TrainingInterruptedException {
    TrainingSpec spec = task.training();
    TrainingBatch batch = new TrainingBatch(task, images);
    SeededRandom random = new SeededRandom(task.seed());
    IntervalFigures figures =
        new IntervalFigures(
            spec.steps(),
            spec.batchSize(),
            device.equals("cpu"),
            task.diffusion().timesteps(),
            series());
    HostTensor hyper = HostTensor.zeros(HostTensor.DType.F64, 2);
    HostTensor counters = HostTensor.zeros(HostTensor.DType.I64, 2);
    int lastGoodStep = firstStep;
    for (int step = firstStep; step < spec.steps(); step++) {
      batch.draw(step);
      int done = step + 1;
      double learningRate = LearningRate.at(spec, step);
      hyper.putDoubles(new double[] {learningRate, emaDecay(spec, step)});
      counters.putLongs(new long[] {done, random.seedFor(Purpose.DROPOUT, step)});
      StepFigures measured = step(student, teacher, batch, hyper, counters);
      requireConverging(measured, done, lastGoodStep);
      figures.add(measured, batch.timesteps());
      boolean last = done == spec.steps();
      if (last || done % spec.metricsEverySteps() == 0) {
        listener.onMetrics(figures.report(done, learningRate));
      }
      boolean stop = !last && stopRequested.getAsBoolean();
      if (last || stop || done % spec.checkpointEverySteps() == 0) {
        requireFinite(student, done, lastGoodStep);
        save(student, done);
        lastGoodStep = done;
      }
      if (stop) {
        throw new TrainingInterruptedException(task.name(), done);
      }
    }
  }

  private StepFigures step(
      TorchModule student,
      Teacher teacher,
      TrainingBatch batch,
      HostTensor hyper,
      HostTensor counters) {
    return MemoryRanOutException.naming(
        "A step of " + task.name(),
        task.training().batchSize() / task.training().accumulationSteps(),
        task.network().resolution(),
        () -> teacher.step(student, batch, hyper, counters));
  }

  /** What this training has: a teacher learns from the images alone. */
  private Set<Series> series() {
    Set<Series> series = EnumSet.of(Series.LOSS, Series.DIFFUSION_LOSS, Series.GRADIENT_NORM);
    if (task.distillation().isPresent()) {
      series.add(Series.DISTILLATION_LOSS);
      if (task.distillation().get().loss().feature().wanted()) {
        series.add(Series.FEATURE_LOSS);
      }
    }
    return series;
  }

  // Not (loss <= bound): NaN is no number that could be compared.
  private void requireConverging(StepFigures figures, int step, int lastGoodStep)
      throws DivergedException {
    double bound = task.training().divergenceLoss();
    if (!(figures.loss() <= bound)
        || !Double.isFinite(figures.loss())
        || !Double.isFinite(figures.gradientNorm())) {
      throw new DivergedException(
          task.name(),
          step,
          "loss %s (training.divergenceLoss is %s), gradient norm %s"
              .formatted(figures.loss(), bound, figures.gradientNorm()),
          lastGoodStep);
    }
  }

  // The loss of a step is that of the weights before it: a checkpoint holds those after it.
  private void requireFinite(TorchModule student, int step, int lastGoodStep)
      throws DivergedException {
    double[] norms = student.run("state_norms").get(0).toDoubles();
    if (!Arrays.stream(norms).allMatch(Double::isFinite)) {
      throw new DivergedException(
          task.name(),
          step,
          "the norms of its weights, their average and Adam's two moments are %s"
              .formatted(Arrays.toString(norms)),
          lastGoodStep);
    }
  }

  private void save(TorchModule student, int step) throws IOException {
    Path directory = Files.createTempDirectory(workDirectory, "checkpoint-" + step + "-");
    try {
      Checkpoint checkpoint = TrainingState.write(student, task, step, directory);
      checkpoints.save(checkpoint);
    } finally {
      for (CheckpointPart part : CheckpointPart.values()) {
        Files.deleteIfExists(directory.resolve(part.fileName()));
      }
      Files.deleteIfExists(directory);
    }
    listener.onCheckpoint(step);
  }

  /** min(decay, (1 + step) / (10 + step)), step from 0: the average of a young model is young. */
  static double emaDecay(TrainingSpec spec, int step) {
    return Math.min(spec.emaDecay(), (1.0 + step) / (10.0 + step));
  }
}
