package dev.atelier.pipeline;

import dev.atelier.diffusion.GuidedPrediction;
import dev.atelier.diffusion.Mixture;
import dev.atelier.diffusion.NoiseSchedule;
import dev.atelier.diffusion.SampledBatch;
import dev.atelier.diffusion.Sampler;
import dev.atelier.diffusion.SamplerPlan;
import dev.atelier.diffusion.SeededRandom;
import dev.atelier.network.Network;
import dev.atelier.network.NetworkForm;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.MemoryRanOutException;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.pipeline.DiffusersPipeline.Texts;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.Prediction;
import dev.atelier.spec.TrainingSpec.Precision;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Samples images of a pipeline as diffusers does: texts or classes with guidance (Ho & Salimans
 * 2022, eq. 6), the reverse process, and the autoencoder. Each part is loaded when it is first
 * needed, and stays. Not safe for use by several threads at once.
 */
public final class PipelineSampler implements AutoCloseable {

  /**
   * What is asked for; each image has a prompt, a class, or neither.
   *
   * @param prompts one per image, of a pipeline that reads texts; else empty
   * @param negativePrompt what guidance leads away from; empty: nothing in particular
   * @param classes one per image, of a class-conditional pipeline; else empty
   * @param guidance how far predictions are led on from those without prompt or class; at most 1:
   *     they are not asked for
   * @param noise [N, C, H, W] standard normal, from which the images start
   * @param first number of the first image
   * @param seed of the noise that a sampler adds on its way, with the number of the image
   */
  public record Request(
      List<String> prompts,
      String negativePrompt,
      List<Integer> classes,
      double guidance,
      SamplerSpec sampler,
      HostTensor noise,
      int first,
      long seed) {

    public Request {
      prompts = List.copyOf(prompts);
      classes = List.copyOf(classes);
    }

    /** How many are asked for. */
    public int images() {
      return Math.toIntExact(noise.shape()[0]);
    }

    private boolean guided() {
      return GuidedPrediction.isAskedFor(guidance);
    }
  }

  /** Hears how far the reverse process is. */
  @FunctionalInterface
  public interface Listener {
    /** The network has been asked {@code asked} of {@code times} times for a request. */
    void onAnswer(Request request, int asked, int times);
  }

  private final DiffusersPipeline pipeline;
  private final Network network;
  private final String device;
  private final Path work;
  private final Listener listener;
  private Optional<ClipText.Encoder> encoder = Optional.empty(); // these once they are needed
  private Optional<TorchModule> module = Optional.empty();
  private Optional<Autoencoder.Decoder> decoder = Optional.empty();

  /** Of one pipeline, whose progress nobody hears of. */
  public PipelineSampler(DiffusersPipeline pipeline, String device, Path work) {
    this(pipeline, device, work, (request, asked, times) -> {});
  }

  /**
   * Of one pipeline.
   *
   * @param device {@code cpu} or {@code cuda:<n>}
   * @param work a directory for temporary files, small but for weights of half precision
   */
  public PipelineSampler(DiffusersPipeline pipeline, String device, Path work, Listener listener) {
    this.pipeline = pipeline;
    this.listener = listener;
    this.network = pipeline.denoiser().network();
    this.device = device;
    this.work = work;
  }

  /** Noise of images {@code first} on, [N, C, H, W], each a function of its number and the seed. */
  public HostTensor noise(int first, int images, long seed) {
    HostTensor noise = HostTensor.zeros(HostTensor.DType.F32, shape(images));
    SampledBatch.begin(
        new SeededRandom(seed), first, 1, noise.data().asFloatBuffer(), network.imageElements());
    return noise;
  }

  /**
   * The images, [N, C, H, W] about [−1, 1].
   *
   * @throws IllegalArgumentException if the pipeline is asked for what it is not; the message names
   *     what
   */
  public HostTensor sample(Request request) throws IOException {
    HostTensor latents = latents(request);
    if (pipeline.autoencoder().isEmpty()) {
      return latents;
    }
    Autoencoder autoencoder = pipeline.autoencoder().get();
    if (decoder.isEmpty()) {
      decoder = Optional.of(autoencoder.decoder(device, work));
    }
    // One by one: an image takes much more than its latents.
    return stacked(
        IntStream.range(0, request.images())
            .mapToObj(i -> decoder.get().decodeScaled(latents.rows(i, i + 1)))
            .toList());
  }

  /** What the reverse process ends with: latents, or of a pipeline of pixels the images. */
  public HostTensor latents(Request request) throws IOException {
    check(request);
    Optional<HostTensor> context =
        pipeline.texts().isPresent()
            ? Optional.of(context(pipeline.texts().get(), request))
            : Optional.empty();
    if (module.isEmpty()) {
      module =
          Optional.of(
              Libtorch.load(
                  network.inferenceModule(
                      "Network",
                      pipeline.denoiser().tensors(),
                      NetworkForm.of(device),
                      Precision.FP32),
                  device,
                  work));
    }
    return reverse(request, module.get(), context);
  }

  private void check(Request request) {
    int images = request.images();
    String shape = Arrays.toString(shape(images));
    require(
        Arrays.equals(request.noise().shape(), shape(images)),
        "noise of shape %s, found %s".formatted(shape, request.noise()));
    if (pipeline.texts().isPresent()) {
      requireEach("prompts", request.prompts(), images);
    } else {
      requireNone("prompts", request.prompts(), "reads no texts");
    }
    int classes = network.classes();
    if (classes > 0) {
      requireEach("classes", request.classes(), images);
    } else {
      requireNone("classes", request.classes(), "has none");
    }
    require(
        request.classes().stream().allMatch(y -> y >= 0 && y < classes),
        "classes from 0 to %d, found %s".formatted(classes - 1, request.classes()));
    require(
        Double.isFinite(request.guidance()),
        "a finite guidance, found %s".formatted(request.guidance()));
    require(
        !request.guided() || canBeAskedForNone(),
        "guidance of at most 1, as it knows nothing without a text or a class, found %s"
            .formatted(request.guidance()));
  }

  private static void requireEach(String what, List<?> given, int images) {
    require(
        given.size() == images,
        "%d %s, one for each image, found %d".formatted(images, what, given.size()));
  }

  private static void requireNone(String what, List<?> given, String reason) {
    require(given.isEmpty(), "no %s, as it %s, found %d".formatted(what, reason, given.size()));
  }

  private static void require(boolean fits, String clause) {
    if (!fits) {
      throw new IllegalArgumentException("The pipeline needs %s.".formatted(clause));
    }
  }

  /** Whether there is an empty text, or a class that stands for none. */
  private boolean canBeAskedForNone() {
    return network.spec().crossAttention().isPresent()
        || (network.conditional() && network.spec().transformer().isPresent());
  }

  private long[] shape(int images) {
    return new long[] {images, network.imageChannels(), network.resolution(), network.resolution()};
  }

  /** [N, tokens, width], or twice as many, those without a prompt first. */
  private HostTensor context(Texts texts, Request request) throws IOException {
    Stream<String> without =
        request.guided()
            ? Collections.nCopies(request.images(), request.negativePrompt()).stream()
            : Stream.empty();
    int[][] ids =
        Stream.concat(without, request.prompts().stream())
            .map(texts.tokenizer()::paddedIds)
            .toArray(int[][]::new);
    if (encoder.isEmpty()) {
      encoder = Optional.of(texts.encoder().load(device, work));
    }
    return encoder.get().encode(ids).lastHiddenState();
  }

  private HostTensor reverse(Request request, TorchModule module, Optional<HostTensor> context) {
    int n = request.images();
    int elements = network.imageElements();
    DiffusionSpec diffusion = pipeline.denoiser().diffusion();
    Prediction predicted = diffusion.teacherPredicts();
    NoiseSchedule forward = NoiseSchedule.of(diffusion);
    NoiseSchedule schedule = Sampler.schedule(request.sampler(), forward);
    Sampler sampler = Sampler.of(request.sampler(), forward, predicted);
    SamplerPlan plan = SamplerPlan.of(request.sampler(), diffusion.timesteps());
    double start = Sampler.initialNoise(request.sampler(), forward, plan.timesteps().get(0));
    Asked asked = new Asked(request, module, context);
    FloatBuffer x = asked.x.slice(0, n * elements);
    for (int i = 0; i < n * elements; i++) {
      x.put(i, (float) (start * x.get(i)));
    }
    SampledBatch batch =
        new SampledBatch(sampler, new SeededRandom(request.seed()), request.first(), x, elements);
    List<Sampler.Evaluation> evaluations = sampler.evaluations(plan);
    for (int k = 0; k < evaluations.size(); k++) {
      int t = evaluations.get(k).t();
      batch.move(evaluations.get(k), Mixture.of(predicted, schedule, t), asked.at(t));
      listener.onAnswer(request, k + 1, evaluations.size());
    }
    float[] values = new float[n * elements];
    x.get(0, values);
    return HostTensor.ofFloats(values, shape(n));
  }

  /** The network, asked about the images on their way, with guidance twice each. */
  private final class Asked {
    private final TorchModule module;
    private final double guidance;
    private final int images;
    private final int times; // each image is asked about
    private final HostTensor input;
    private final FloatBuffer x; // of all images, and once more
    private final List<HostTensor> told;

    Asked(Request request, TorchModule module, Optional<HostTensor> context) {
      this.module = module;
      this.guidance = request.guidance();
      this.images = request.images();
      this.times = request.guided() ? 2 : 1;
      this.input = HostTensor.zeros(HostTensor.DType.F32, shape(times * images));
      this.x = input.data().asFloatBuffer();
      x.put(0, request.noise().data().asFloatBuffer(), 0, images * network.imageElements());
      this.told = new ArrayList<>();
      if (network.conditional()) {
        long[] y = new long[times * images];
        Arrays.fill(y, network.classes()); // which stands for none
        for (int i = 0; i < images; i++) {
          y[(times - 1) * images + i] = request.classes().get(i);
        }
        told.add(HostTensor.ofLongs(y, y.length));
      }
      context.ifPresent(told::add);
    }

    /** What is predicted at {@code t}, [N·C·H·W]. */
    FloatBuffer at(int t) {
      int elements = images * network.imageElements();
      if (times == 2) {
        x.put(elements, x.slice(0, elements), 0, elements);
      }
      long[] timesteps = new long[times * images];
      Arrays.fill(timesteps, t);
      List<HostTensor> arguments =
          new ArrayList<>(List.of(input, HostTensor.ofLongs(timesteps, timesteps.length)));
      arguments.addAll(told);
      FloatBuffer answers =
          MemoryRanOutException.naming(
                  "Sampling",
                  times * images,
                  network.resolution(),
                  () -> module.forward(arguments.toArray(HostTensor[]::new)))
              .data()
              .asFloatBuffer();
      return times == 1
          ? answers
          : GuidedPrediction.of(
              answers.slice(0, elements), answers.slice(elements, elements), guidance);
    }
  }

  /** Images [N, C, H, W] in [−1, 1] as 8-bit pixels. */
  public static byte[] pixels(HostTensor images) {
    return SampledBatch.pixels(images.data().asFloatBuffer());
  }

  /** Images as one batch. */
  private static HostTensor stacked(List<HostTensor> images) {
    long[] shape = images.get(0).shape();
    shape[0] = images.size();
    HostTensor all = HostTensor.zeros(HostTensor.DType.F32, shape);
    FloatBuffer values = all.data().asFloatBuffer();
    images.forEach(image -> values.put(image.data().asFloatBuffer()));
    return all;
  }

  @Override
  public void close() {
    encoder.ifPresent(ClipText.Encoder::close);
    module.ifPresent(TorchModule::close);
    decoder.ifPresent(Autoencoder.Decoder::close);
  }
}
