package dev.atelier.training;

import dev.atelier.diffusion.AskedModels;
import dev.atelier.diffusion.GuidedPrediction;
import dev.atelier.diffusion.Mixture;
import dev.atelier.diffusion.ModelRanges;
import dev.atelier.diffusion.NoiseSchedule;
import dev.atelier.diffusion.SampledBatch;
import dev.atelier.diffusion.Sampler;
import dev.atelier.diffusion.Sampler.Evaluation;
import dev.atelier.diffusion.SamplerPlan;
import dev.atelier.diffusion.SeededRandom;
import dev.atelier.network.Network;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.MemoryRanOutException;
import dev.atelier.network.libtorch.TorchException;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.Prediction;
import dev.atelier.spec.TimestepRange;
import dev.atelier.workflows.ModelRef;
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
   *     [N]} after t if it knows classes, and {@code context [N, L, D]} last if it reads texts
   * @param predicts what the archive's answer is
   * @param macs multiply-accumulates of one forward pass of one image, where known
   * @param activationBytes estimate of what that pass needs at most at once, where known
   * @param guidance how far its predictions are led on from those without class or text (Ho &
   *     Salimans 2022, eq. 6, as diffusers counts it); at most 1: these are not asked for
   */
  public record OwnedModel(
      Path archive,
      TimestepRange range,
      Prediction predicts,
      Optional<Long> macs,
      Optional<Long> activationBytes,
      double guidance) {

    /** Of a model whose predictions are taken as they are. */
    public OwnedModel(
        Path archive,
        TimestepRange range,
        Prediction predicts,
        Optional<Long> macs,
        Optional<Long> activationBytes) {
      this(archive, range, predicts, macs, activationBytes, 1);
    }

    /** Of a model that predicts eps. */
    public OwnedModel(
        Path archive, TimestepRange range, Optional<Long> macs, Optional<Long> activationBytes) {
      this(archive, range, Prediction.EPS, macs, activationBytes);
    }

    /**
     * A trained model.
     *
     * @param network absent: nothing is known of it
     */
    public static OwnedModel of(
        ModelRef model,
        Path archive,
        Optional<Network> network,
        DiffusionSpec diffusion,
        double guidance) {
      return new OwnedModel(
          archive,
          model.range(),
          model.predicts(diffusion),
          network.map(Network::macs),
          network.map(Network::activationBytes),
          guidance);
    }

    /** The same as the owner of another range. */
    public OwnedModel owning(TimestepRange other) {
      return new OwnedModel(archive, other, predicts, macs, activationBytes, guidance);
    }

    /** Multiply-accumulates of all passes of a step, of one image, where known. */
    public Optional<Long> macsPerStep() {
      return macs.map(pass -> guided() ? 2 * pass : pass);
    }

    private boolean guided() {
      return GuidedPrediction.isAskedFor(guidance);
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

  /**
   * What is sampled, and how it is shown.
   *
   * @param channels of what models see
   * @param side of what models see: pixels, or latents
   * @param classes of the images, where models are conditioned on them
   * @param texts that models read
   * @param decoder makes images of what models see; absent: it is the images
   */
  public record Sampled(
      int channels,
      int side,
      ClassSequence classes,
      Optional<Texts> texts,
      Optional<LatentDecoder> decoder) {

    /** Images of pixels, without texts. */
    public static Sampled pixels(int channels, int resolution, ClassSequence classes) {
      return new Sampled(channels, resolution, classes, Optional.empty(), Optional.empty());
    }
  }

  /** What images are to show, [tokens, width] each. */
  public interface Texts {

    /** The texts of {@code n} images from {@code first} on, [N, tokens, width]. */
    HostTensor of(long first, int n);

    /** That which stands for none, {@code n} times, [N, tokens, width]. */
    HostTensor none(int n);
  }

  /** Makes images of latents. */
  @FunctionalInterface
  public interface LatentDecoder {

    /** Images [N, C, H, W], about [−1, 1], of latents as networks see them. */
    HostTensor images(HostTensor latents);
  }

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
    final HostTensor[] without; // class and text
    final SampledBatch moving;

    /**
     * @param told class and text of each image, as far as models ask
     * @param none what stands for none of them; as many, or none if nobody asks
     */
    Batch(
        long first,
        HostTensor x,
        List<HostTensor> told,
        List<HostTensor> none,
        SampledBatch moving) {
      this.first = first;
      this.x = x;
      this.moving = moving;
      this.t = HostTensor.zeros(HostTensor.DType.I64, x.shape()[0]);
      this.inputs = arguments(told);
      this.without = arguments(none);
    }

    private HostTensor[] arguments(List<HostTensor> told) {
      List<HostTensor> all = new ArrayList<>(List.of(x, t));
      all.addAll(told);
      return all.toArray(HostTensor[]::new);
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
  private final Sampled sampled;
  private final int elements; // of what models see of an image
  private final OptionalLong memoryBytes;

  /**
   * Loads the models; or, where their weights together don't fit into {@code memoryBytes}, each
   * when it is asked, in place of the one before.
   *
   * @param models in order of their ranges, which must cover [0, T)
   * @param memoryBytes what a batch may need; empty: not bounded
   * @throws IllegalArgumentException if they don't, or an archive can't be loaded
   */
  public EnsembleSampler(
      List<OwnedModel> models,
      DiffusionSpec diffusion,
      SamplerSpec sampler,
      long seed,
      Sampled sampled,
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
    this.sampled = sampled;
    this.elements = sampled.channels() * sampled.side() * sampled.side();
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
            .macsPerStep(range -> models.get(range).macsPerStep().orElseThrow()));
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
    long pixels = elements;
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
    long waiting = elements * (1 + Float.BYTES + (long) sampler.remembered() * Double.BYTES);
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
              sink.accept(batch.first, batch.size(), pixels(batch.moving.images(), batch.size())));
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
            chw.writeBytes(pixels(x, n));
          }
        });
    timesteps.add(-1);
    chw.writeBytes(pixels(batch.moving.images(), n));
    return new Frames(timesteps, n, chw.toByteArray());
  }

  /** What models see of {@code n} images, as 8-bit images. */
  private byte[] pixels(FloatBuffer x, int n) {
    if (sampled.decoder().isEmpty()) {
      return SampledBatch.pixels(x);
    }
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    float[] one = new float[elements];
    for (int i = 0; i < n; i++) { // one by one: an image takes much more than its latents
      x.get(i * elements, one);
      HostTensor latents =
          HostTensor.ofFloats(one, 1, sampled.channels(), sampled.side(), sampled.side());
      HostTensor image = sampled.decoder().get().images(latents);
      all.writeBytes(SampledBatch.pixels(image.data().asFloatBuffer()));
    }
    return all.toByteArray();
  }

  /** The noise of {@code n} images from {@code firstIndex} on. */
  private Batch begin(long firstIndex, int n) {
    HostTensor x =
        HostTensor.zeros(
            HostTensor.DType.F32, n, sampled.channels(), sampled.side(), sampled.side());
    FloatBuffer images = x.data().asFloatBuffer();
    SampledBatch.begin(random, firstIndex, initialNoise, images, elements);
    List<HostTensor> told = new ArrayList<>();
    List<HostTensor> none = new ArrayList<>();
    boolean guided = models.stream().anyMatch(OwnedModel::guided);
    if (sampled.classes().conditional()) {
      told.add(classesOf(firstIndex, n));
      if (guided) {
        long[] y = new long[n];
        Arrays.fill(y, sampled.classes().count()); // the one after the last stands for none
        none.add(HostTensor.ofLongs(y, n));
      }
    }
    if (sampled.texts().isPresent()) {
      told.add(sampled.texts().get().of(firstIndex, n));
      if (guided) {
        none.add(sampled.texts().get().none(n));
      }
    }
    return new Batch(
        firstIndex, x, told, none, new SampledBatch(sampler, random, firstIndex, images, elements));
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
    OwnedModel owner = owner(evaluation);
    Mixture mixture = Mixture.of(owner.predicts(), schedule, evaluation.t());
    Batch unused =
        MemoryRanOutException.naming(
            "Sampling",
            batch.size(),
            sampled.side(),
            () -> {
              if (owner.guided()) {
                batch.moving.move(evaluation, mixture, guided(batch, owner, module));
                return batch;
              }
              return module.read(
                  "forward",
                  results -> {
                    FloatBuffer y = checked(results.get(0), batch.x).data().asFloatBuffer();
                    batch.moving.move(evaluation, mixture, y);
                    return batch;
                  },
                  batch.inputs);
            });
  }

  /** What is predicted of a batch, led on from what is predicted without class and text. */
  private static FloatBuffer guided(Batch batch, OwnedModel owner, TorchModule module) {
    HostTensor with = checked(module.forward(batch.inputs), batch.x);
    HostTensor without = checked(module.forward(batch.without), batch.x);
    return GuidedPrediction.of(
        without.data().asFloatBuffer(), with.data().asFloatBuffer(), owner.guidance());
  }

  /** y [N] of {@code n} images from {@code firstIndex} on. */
  private HostTensor classesOf(long firstIndex, int n) {
    long[] y = new long[n];
    Arrays.setAll(y, i -> sampled.classes().of(firstIndex + i));
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
