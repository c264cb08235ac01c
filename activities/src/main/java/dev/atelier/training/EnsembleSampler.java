package dev.atelier.training;

import dev.atelier.diffusion.AskedModels;
import dev.atelier.diffusion.Mixture;
import dev.atelier.diffusion.ModelRanges;
import dev.atelier.diffusion.NoiseSchedule;
import dev.atelier.diffusion.Sampler;
import dev.atelier.diffusion.Sampler.Evaluation;
import dev.atelier.diffusion.Sampler.Trajectory;
import dev.atelier.diffusion.SamplerPlan;
import dev.atelier.diffusion.SeededRandom;
import dev.atelier.diffusion.SeededRandom.Purpose;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.TorchException;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.Prediction;
import dev.atelier.spec.TimestepRange;
import java.io.ByteArrayOutputStream;
import java.nio.FloatBuffer;
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

  private final Map<Path, TorchModule> modules = new LinkedHashMap<>(); // one per archive
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
   * Loads the models.
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
    try {
      for (OwnedModel model : models) {
        // A model may own several ranges.
        if (!modules.containsKey(model.archive())) {
          modules.put(
              model.archive(), Libtorch.load(model.archive(), device, TorchModule.Mode.INFERENCE));
        }
      }
    } catch (RuntimeException e) {
      close();
      throw e;
    }
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
    return modules.values().stream().mapToLong(TorchModule::weightBytes).sum();
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
   * Samples images {@code firstIndex} to {@code firstIndex + count - 1}, in batches.
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
    long done = 0;
    while (done < count && !stopRequested.getAsBoolean()) {
      int n = (int) Math.min(batchSize, count - done);
      FloatBuffer x = sampleBatch(firstIndex + done, n, stopRequested, (k, unused) -> {});
      if (stopRequested.getAsBoolean()) {
        break;
      }
      sink.accept(firstIndex + done, n, toBytes(x));
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
    FloatBuffer clean =
        sampleBatch(
            0,
            n,
            stopRequested,
            (k, x) -> {
              if (steps.contains(k)) {
                timesteps.add(plan.timesteps().get(k));
                chw.writeBytes(toBytes(x));
              }
            });
    timesteps.add(-1);
    chw.writeBytes(toBytes(clean));
    return new Frames(timesteps, n, chw.toByteArray());
  }

  /** Samples {@code n} images from {@code firstIndex} on: floats [N, C, H, W] in [-1, 1]. */
  private FloatBuffer sampleBatch(
      long firstIndex, int n, BooleanSupplier stopRequested, StepObserver observer) {
    int elements = channels * resolution * resolution;
    HostTensor input = HostTensor.zeros(HostTensor.DType.F32, n, channels, resolution, resolution);
    HostTensor t = HostTensor.zeros(HostTensor.DType.I64, n);
    HostTensor[] inputs =
        classes.conditional()
            ? new HostTensor[] {input, t, classesOf(firstIndex, n)}
            : new HostTensor[] {input, t};
    FloatBuffer x = input.data().asFloatBuffer();
    List<Trajectory> trajectories = new ArrayList<>();
    float[] noise = new float[elements];
    for (int i = 0; i < n; i++) {
      random.stream(Purpose.SAMPLE_XT, firstIndex + i, 0).gaussians(noise, 0, elements);
      for (int j = 0; j < elements; j++) {
        x.put(i * elements + j, (float) (initialNoise * noise[j]));
      }
      trajectories.add(sampler.begin(elements));
    }
    long[] timesteps = new long[n];
    double[] x0 = new double[elements];
    double[] eps = new double[elements];
    for (Evaluation evaluation : evaluations) {
      if (stopRequested.getAsBoolean()) {
        break;
      }
      int now = evaluation.t();
      int next = evaluation.s();
      int k = plan.timesteps().indexOf(now);
      if (k >= 0 && next != now) { // else it is on its way to a step's image
        observer.onStep(k, x);
      }
      Arrays.fill(timesteps, now);
      t.putLongs(timesteps);
      OwnedModel owner = models.get(ranges.owner(now));
      Mixture mixture = Mixture.of(owner.predicts(), schedule, now);
      modules
          .get(owner.archive())
          .read(
              "forward",
              results -> {
                FloatBuffer y = checked(results.get(0), input).data().asFloatBuffer();
                for (int i = 0; i < n; i++) {
                  for (int j = 0; j < elements; j++) {
                    double xt = x.get(i * elements + j);
                    double said = y.get(i * elements + j);
                    x0[j] = mixture.x0(xt, said);
                    eps[j] = mixture.eps(xt, said);
                  }
                  trajectories
                      .get(i)
                      .step(
                          x.slice(i * elements, elements),
                          x0,
                          eps,
                          now,
                          next,
                          random.stream(Purpose.SAMPLE_STEP_NOISE, firstIndex + i, now)
                              ::nextGaussian);
                }
                return n;
              },
              inputs);
    }
    return x;
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

  /** [-1, 1] to 0..255: clamped, rounded half to even. */
  static byte[] toBytes(FloatBuffer x) {
    byte[] pixels = new byte[x.limit()];
    for (int i = 0; i < pixels.length; i++) {
      double clamped = Math.max(-1.0, Math.min(1.0, x.get(i)));
      pixels[i] = (byte) (int) Math.rint((clamped + 1) * 127.5);
    }
    return pixels;
  }

  @Override
  public void close() {
    modules.values().forEach(TorchModule::close);
    modules.clear();
  }
}
