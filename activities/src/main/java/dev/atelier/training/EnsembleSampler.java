package dev.atelier.training;

import dev.atelier.diffusion.AskedModels;
import dev.atelier.diffusion.Mixture;
import dev.atelier.diffusion.ModelRanges;
import dev.atelier.diffusion.NoiseSchedule;
import dev.atelier.diffusion.SampledBatch;
import dev.atelier.diffusion.Sampler;
import dev.atelier.diffusion.Sampler.Evaluation;
import dev.atelier.diffusion.SamplerPlan;
import dev.atelier.diffusion.SeededRandom;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.MemoryRanOutException;
import dev.atelier.network.libtorch.TorchException;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.Prediction;
import dev.atelier.spec.TimestepRange;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.BooleanSupplier;

/**
 * Samples images from models that take turns: each step asks which of them owns its t. Image i
 * starts from noise that is a pure function of (seed, i), whatever the batch size; conditional
 * models make it of a class that is a function of i alone.
 */
public final class EnsembleSampler implements AutoCloseable {

  /**
   * A model that owns {@code range}.
   *
   * @param archive TorchScript {@code (x [N, C, H, W], t [N]) -> y [N, C, H, W]}, with {@code y
   *     [N]} after t if conditional
   * @param predicts what the archive's answer is
   * @param macs multiply-accumulates of one forward pass of one image, where known
   * @param activationBytes estimate of what that pass needs at most at once, where known
   */
  public record OwnedModel(
      Path archive,
      TimestepRange range,
      Prediction predicts,
      Optional<Long> macs,
      Optional<Long> activationBytes) {

    /** Of a model that predicts eps. */
    public OwnedModel(
        Path archive, TimestepRange range, Optional<Long> macs, Optional<Long> activationBytes) {
      this(archive, range, Prediction.EPS, macs, activationBytes);
    }
  }

  /**
   * Takes finished images: {@code count} of them from {@code firstIndex} on, 8-bit, [N, C, H, W].
   */
  public interface SampleSink {
    void accept(long firstIndex, int count, byte[] chw);
  }

  /**
   * What sampling cost.
   *
   * @param macsPerStep mean over the sampler's steps, of one image; absent: some model's are
   *     unknown
   * @param imagesPerSecond of the whole run
   */
  public record SamplingReport(
      long images,
      int steps,
      Optional<Double> macsPerStep,
      double seconds,
      double imagesPerSecond) {}

  /**
   * Images on their way from noise to clean.
   *
   * @param timesteps of the frames: the model that owns t paints next; the last, -1, is clean
   * @param images in each frame
   * @param chw 8-bit, [timesteps, images, C, H, W]
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  public record Frames(List<Integer> timesteps, int images, byte[] chw) {}

  /** Sees x at each step of a batch, and the clean images at the end. */
  private interface StepObserver {
    void onStep(int k, FloatBuffer x);
  }

  /** Images that are sampled at once, on their way. */
  private static final class Batch {
    final long first;
    final HostTensor x;
    final HostTensor t;
    final HostTensor[] inputs;
    final SampledBatch moving;

    Batch(long first, HostTensor x, Optional<HostTensor> classes, SampledBatch moving) {
      this.first = first;
      this.x = x;
      this.moving = moving;
      this.t = HostTensor.zeros(HostTensor.DType.I64, x.shape()[0]);
      this.inputs =
          classes.isPresent() ? new HostTensor[] {x, t, classes.get()} : new HostTensor[] {x, t};
    }

    int size() {
      return (int) x.shape()[0];
    }
  }

  /** Part of the heap that images may take which wait for the model that is asked next. */
  private static final int WAITING = 4;

  private final Map<Path, TorchModule> modules = new LinkedHashMap<>(); // loaded, one per archive
  private final Map<Path, Long> weightBytes = new LinkedHashMap<>(); // of those loaded once
  private final String device;
  private final boolean inTurn;
  private final List<OwnedModel> models;
  private final ModelRanges ranges;
  private final SamplerPlan plan;
  private final List<Evaluation> evaluations;
  private final NoiseSchedule schedule; // as the sampler goes it
  private final Sampler sampler;
  private final double initialNoise; // its deviation
  private final SeededRandom random;
  private final int channels;
  private final int resolution;
  private final ClassSequence classes;
  private final OptionalLong memoryBytes;

  /**
   * Loads the models; or, where their weights together don't fit into {@code memoryBytes}, each
   * when it is asked, in place of the one before.
   *
   * @param models in order of their ranges, which must cover [0, T)
   * @param classes of the images, where models are conditioned on them
   * @param memoryBytes what a batch may need; empty: not bounded
   * @throws IllegalArgumentException if they don't, or an archive can't be loaded
   */
  public EnsembleSampler(
      List<OwnedModel> models,
      DiffusionSpec diffusion,
      SamplerSpec sampler,
      long seed,
      int channels,
      int resolution,
      ClassSequence classes,
      String device,
      OptionalLong memoryBytes) {
    this.models = List.copyOf(models);
    this.ranges =
        new ModelRanges(models.stream().map(OwnedModel::range).toList(), diffusion.timesteps());
    this.plan = SamplerPlan.of(sampler, diffusion.timesteps());
    NoiseSchedule forward = NoiseSchedule.of(diffusion);
    this.schedule = Sampler.schedule(sampler, forward);
    this.sampler = Sampler.of(sampler, forward, predictedByAll());
    this.evaluations = this.sampler.evaluations(plan);
    this.initialNoise = Sampler.initialNoise(sampler, forward, evaluations.get(0).t());
    this.random = new SeededRandom(seed);
    this.channels = channels;
    this.resolution = resolution;
    this.classes = classes;
    this.memoryBytes = memoryBytes;
    this.device = device;
    List<Path> archives = models.stream().map(OwnedModel::archive).distinct().toList();
    long bytes = archives.stream().mapToLong(EnsembleSampler::fileBytes).sum();
    this.inTurn = archives.size() > 1 && bytes > memoryBytes.orElse(Long.MAX_VALUE);
    if (!inTurn) {
      try {
        archives.forEach(this::module); // a model may own several ranges
      } catch (RuntimeException e) {
        close();
        throw e;
      }
    }
  }

  /** Of weights, nearly: an archive stores them as they are. */
  private static long fileBytes(Path archive) {
    try {
      return Files.size(archive);
    } catch (IOException e) {
      return 0; // loading it says what is wrong
    }
  }

  private TorchModule module(Path archive) {
    TorchModule loaded = modules.get(archive);
    if (loaded == null) {
      if (inTurn) {
        close();
      }
      loaded = Libtorch.load(archive, device, TorchModule.Mode.INFERENCE);
      modules.put(archive, loaded);
      weightBytes.put(archive, loaded.weightBytes());
    }
    return loaded;
  }

  /** Whether only the model that is asked is in memory. */
  public boolean loadsInTurn() {
    return inTurn;
  }

  /** What all models predict; eps where they differ. */
  private Prediction predictedByAll() {
    List<Prediction> predicted = models.stream().map(OwnedModel::predicts).distinct().toList();
    return predicted.size() == 1 ? predicted.get(0) : Prediction.EPS;
  }

  /**
   * Mean over the sampler's steps of the multiply-accumulates of the models that are asked, for one
   * image; empty if some model's are unknown.
   */
  public Optional<Double> macsPerStep() {
    if (models.stream().anyMatch(m -> m.macs().isEmpty())) {
      return Optional.empty();
    }
    return Optional.of(
        new AskedModels(plan, evaluations, ranges)
            .macsPerStep(range -> models.get(range).macs().orElseThrow()));
  }

  /** Bytes of the weights of all models, as libtorch holds them; a model counts once. */
  public long weightBytes() {
    models.stream()
        .map(OwnedModel::archive)
        .filter(archive -> !weightBytes.containsKey(archive))
        .forEach(this::module); // in no step's range
    return weightBytes.values().stream().mapToLong(bytes -> bytes).sum();
  }

  /**
   * The batch that fits into memory: at most {@code wanted}, at least one image. The images depend
   * on it only by rounding, as kernels may sum in another order.
   */
  public int batchSize(int wanted) {
    long pixels = (long) channels * resolution * resolution;
    long network = models.stream().mapToLong(m -> m.activationBytes().orElse(0L)).max().orElse(0);
    long perImage =
        network
            + pixels * (2 * Float.BYTES + sampler.remembered() * Double.BYTES); // x, y and the rest
    long fitting = memoryBytes.orElse(Long.MAX_VALUE) / perImage;
    return (int) Math.max(1, Math.min(wanted, fitting));
  }

  /**
   * How many images are best sampled by one call of {@link #sample}: a batch of {@code wanted}; or,
   * where models take turns, as many whole batches as can wait, so that each model is loaded once
   * for all of them.
   */
  public int together(int wanted) {
    if (!inTurn) {
      return wanted;
    }
    long pixels = (long) channels * resolution * resolution;
    long waiting = pixels * (1 + Float.BYTES + (long) sampler.remembered() * Double.BYTES);
    long images = Runtime.getRuntime().maxMemory() / WAITING / waiting;
    return (int) Math.max(1, Math.min(images / wanted, Integer.MAX_VALUE / wanted)) * wanted;
  }

  /**
   * Samples images {@code firstIndex} to {@code firstIndex + count - 1}, in batches. Where models
   * take turns, all batches of {@link #together} images go through a model's range before the next
   * one is loaded; the images are the same.
   *
   * @param largestBatch images at once, or fewer where memory is short
   * @param stopRequested asked before every step; true ends the run early
   * @return what it cost; {@code images} counts those that reached {@code sink}
   */
  public SamplingReport sample(
      long firstIndex,
      int count,
      int largestBatch,
      SampleSink sink,
      BooleanSupplier stopRequested) {
    long start = System.nanoTime();
    int batchSize = batchSize(largestBatch);
    int group = inTurn ? Math.max(1, together(largestBatch) / batchSize) * batchSize : batchSize;
    long done = 0;
    while (done < count && !stopRequested.getAsBoolean()) {
      int n = (int) Math.min(group, count - done);
      List<Batch> batches = new ArrayList<>();
      for (int i = 0; i < n; i += batchSize) {
        batches.add(begin(firstIndex + done + i, Math.min(batchSize, n - i)));
      }
      walk(batches, stopRequested, (k, unused) -> {});
      if (stopRequested.getAsBoolean()) {
        break;
      }
      batches.forEach(
          batch ->
              sink.accept(batch.first, batch.size(), SampledBatch.pixels(batch.moving.images())));
      done += n;
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    return new SamplingReport(done, plan.size(), macsPerStep(), seconds, done / seconds);
  }

  /**
   * The first images at some steps from noise to clean, evenly spread over the sampler's.
   *
   * @param images fewer where memory is short
   * @param frames fewer where the sampler has fewer steps; at least 2
   * @param stopRequested asked before every step; true ends the run early, with fewer frames
   */
  public Frames trajectory(int images, int frames, BooleanSupplier stopRequested) {
    int kept = Math.min(frames, plan.size() + 1);
    Set<Integer> steps = new HashSet<>();
    for (int f = 0; f < kept; f++) {
      steps.add((int) ((long) f * plan.size() / (kept - 1)));
    }
    List<Integer> timesteps = new ArrayList<>();
    ByteArrayOutputStream chw = new ByteArrayOutputStream();
    int n = batchSize(images);
    Batch batch = begin(0, n);
    walk(
        List.of(batch),
        stopRequested,
        (k, x) -> {
          if (steps.contains(k)) {
            timesteps.add(plan.timesteps().get(k));
            chw.writeBytes(SampledBatch.pixels(x));
          }
        });
    timesteps.add(-1);
    chw.writeBytes(SampledBatch.pixels(batch.moving.images()));
    return new Frames(timesteps, n, chw.toByteArray());
  }

  /** The noise of {@code n} images from {@code firstIndex} on. */
  private Batch begin(long firstIndex, int n) {
    int elements = channels * resolution * resolution;
    HostTensor x = HostTensor.zeros(HostTensor.DType.F32, n, channels, resolution, resolution);
    FloatBuffer images = x.data().asFloatBuffer();
    SampledBatch.begin(random, firstIndex, initialNoise, images, elements);
    return new Batch(
        firstIndex,
        x,
        classes.conditional() ? Optional.of(classesOf(firstIndex, n)) : Optional.empty(),
        new SampledBatch(sampler, random, firstIndex, images, elements));
  }

  /** Takes batches from noise to clean: all of them through what one model is asked in a row. */
  private void walk(List<Batch> batches, BooleanSupplier stopRequested, StepObserver observer) {
    int from = 0;
    while (from < evaluations.size()) {
      Path archive = owner(evaluations.get(from)).archive();
      int to = from + 1;
      while (to < evaluations.size() && owner(evaluations.get(to)).archive().equals(archive)) {
        to++;
      }
      TorchModule module = module(archive);
      for (Batch batch : batches) {
        for (Evaluation evaluation : evaluations.subList(from, to)) {
          if (stopRequested.getAsBoolean()) {
            return;
          }
          int k = plan.timesteps().indexOf(evaluation.t());
          if (k >= 0 && evaluation.s() != evaluation.t()) { // else on its way to a step's image
            observer.onStep(k, batch.moving.images());
          }
          step(batch, evaluation, module);
        }
      }
      from = to;
    }
  }

  private OwnedModel owner(Evaluation evaluation) {
    return models.get(ranges.owner(evaluation.t()));
  }

  private void step(Batch batch, Evaluation evaluation, TorchModule module) {
    long[] timesteps = new long[batch.size()];
    Arrays.fill(timesteps, evaluation.t());
    batch.t.putLongs(timesteps);
    Mixture mixture = Mixture.of(owner(evaluation).predicts(), schedule, evaluation.t());
    MemoryRanOutException.naming(
        "Sampling",
        batch.size(),
        (int) batch.x.shape()[3],
        () ->
            module.read(
                "forward",
                results -> {
                  FloatBuffer y = checked(results.get(0), batch.x).data().asFloatBuffer();
                  batch.moving.move(evaluation, mixture, y);
                  return batch;
                },
                batch.inputs));
  }

  /** y [N] of {@code n} images from {@code firstIndex} on. */
  private HostTensor classesOf(long firstIndex, int n) {
    long[] y = new long[n];
    Arrays.setAll(y, i -> classes.of(firstIndex + i));
    return HostTensor.ofLongs(y, n);
  }

  private static HostTensor checked(HostTensor y, HostTensor x) {
    if (y.dtype() != x.dtype() || !Arrays.equals(y.shape(), x.shape())) {
      throw new TorchException("forward", "expected an answer like %s, found %s".formatted(x, y));
    }
    return y;
  }

  @Override
  public void close() {
    modules.values().forEach(TorchModule::close);
    modules.clear();
  }
}
