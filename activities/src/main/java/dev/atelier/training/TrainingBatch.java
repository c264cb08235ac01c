package dev.atelier.training;

import dev.atelier.diffusion.Mixture;
import dev.atelier.diffusion.NoiseSchedule;
import dev.atelier.diffusion.Pixels;
import dev.atelier.diffusion.SeededRandom;
import dev.atelier.diffusion.SeededRandom.Purpose;
import dev.atelier.diffusion.TimestepSampler;
import dev.atelier.graph.Value;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.training.ImageSource.CaptionTexts;
import dev.atelier.training.ImageSource.Latents;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Makes the batch of a step: which images, flipped or not, at which t, with which noise, of which
 * class. All of it is a pure function of (seed, step). The tensors are reused: a batch is valid
 * until the next one.
 */
final class TrainingBatch {
  private final TrainingTask task;
  private final ImageSource images;
  private final NoiseSchedule schedule;
  private final TimestepSampler timesteps;
  private final SeededRandom random;
  private final int size;
  private final int elements;
  private final int side;

  private final byte[] pixels;
  private final float[] x0;
  private final float[] noiseValues;
  private final float[] xtValues;
  private final float[] targetValues;
  private final long[] tValues;
  private final long[] yValues;
  private final HostTensor xt;
  private final HostTensor target;
  private final HostTensor t;
  private final HostTensor y;
  private final Optional<Latents> latents; // in place of pixels
  private final Optional<CaptionTexts> texts;
  private final float[] contextValues;
  private final Optional<HostTensor> context;
  private final Optional<HostTensor> withoutText;

  private long orderEpoch = -1;
  private int[] order = {};

  TrainingBatch(TrainingTask task, ImageSource images) {
    this.task = task;
    this.images = images;
    this.schedule = NoiseSchedule.of(task.diffusion());
    int total = task.diffusion().timesteps();
    this.timesteps =
        task.distillation()
            .map(
                d ->
                    new TimestepSampler(
                        d.range(), total, d.specificProbability(), d.antithetic(), d.rangeDraw()))
            .orElseGet(() -> TimestepSampler.uniform(total));
    this.random = new SeededRandom(task.seed());
    this.size = task.training().batchSize();
    this.elements = task.network().imageElements();
    this.side = task.network().resolution();
    this.pixels = new byte[elements];
    this.x0 = new float[Math.multiplyExact(size, elements)];
    this.noiseValues = new float[x0.length];
    this.xtValues = new float[x0.length];
    this.targetValues = new float[x0.length];
    this.tValues = new long[size];
    this.yValues = new long[size];
    long[] shape = {size, task.network().imageChannels(), side, side};
    this.xt = HostTensor.zeros(HostTensor.DType.F32, shape);
    this.target = HostTensor.zeros(HostTensor.DType.F32, shape);
    this.t = HostTensor.zeros(HostTensor.DType.I64, size);
    this.y = HostTensor.zeros(HostTensor.DType.I64, size);
    this.latents = images.latents();
    this.texts = task.network().context().map(read -> texts(images, read));
    int text = texts.map(read -> read.tokens() * read.width()).orElse(0);
    this.contextValues = new float[Math.multiplyExact(size, text)];
    this.context =
        texts.map(
            read -> HostTensor.zeros(HostTensor.DType.F32, size, read.tokens(), read.width()));
    this.withoutText = texts.map(TrainingBatch::emptyText);
  }

  private static HostTensor emptyText(CaptionTexts read) {
    float[] empty = new float[read.tokens() * read.width()];
    read.readEmpty(empty, 0);
    return HostTensor.ofFloats(empty, 1, read.tokens(), read.width());
  }

  private static CaptionTexts texts(ImageSource images, Value wanted) {
    CaptionTexts read =
        images
            .texts()
            .orElseThrow(
                () ->
                    new IllegalArgumentException("The network reads texts, the images have none."));
    if (read.tokens() != wanted.columns() || read.width() != wanted.width()) {
      throw new IllegalArgumentException(
          "The network reads %d tokens of width %d, but the images' texts have %d of width %d."
              .formatted(wanted.columns(), wanted.width(), read.tokens(), read.width()));
    }
    return read;
  }

  /** Makes the batch of {@code step}, counted from 0. */
  void draw(int step) {
    for (int i = 0; i < size; i++) {
      int offset = i * elements;
      int image = imageIndex(step, i);
      boolean flip =
          task.training().horizontalFlips() && random.stream(Purpose.FLIP, step, i).nextLong() < 0;
      if (latents.isPresent()) {
        latents.get().draw(image, flip, random.stream(Purpose.LATENT, step, i), x0, offset);
      } else {
        images.copy(image, pixels, 0);
        Pixels.values(pixels, side, flip, x0, offset);
      }
      int drawn = timesteps.draw(random, step, i);
      tValues[i] = drawn;
      tell(step, i, image);
      random.stream(Purpose.NOISE, step, i).gaussians(noiseValues, offset, elements);
      schedule.qSample(drawn, x0, noiseValues, xtValues, offset, elements);
      aim(drawn, offset);
    }
    xt.putFloats(xtValues);
    target.putFloats(targetValues);
    t.putLongs(tValues);
    y.putLongs(yValues);
    context.ifPresent(tensor -> tensor.putFloats(contextValues));
  }

  /** What the network is told of the sample at {@code position}, if that is not left out. */
  private void tell(int step, int position, int image) {
    boolean none =
        random.stream(Purpose.CONDITIONING, step, position).nextDouble()
            < task.training().conditioningDropout().orElse(0.0);
    if (task.network().conditional()) {
      yValues[position] = none ? task.network().classes() : label(image);
    }
    texts.ifPresent(
        read -> {
          int offset = position * read.tokens() * read.width();
          if (none) {
            read.readEmpty(contextValues, offset);
          } else {
            int caption =
                random.stream(Purpose.CAPTION, step, position).nextInt(read.captions(image));
            read.read(image, caption, contextValues, offset);
          }
        });
  }

  private void aim(int t, int offset) {
    Mixture mixture = Mixture.of(task.predicts(), schedule, t);
    for (int i = offset; i < offset + elements; i++) {
      targetValues[i] = (float) mixture.target(x0[i], noiseValues[i]);
    }
  }

  private int label(int image) {
    int label = images.label(image);
    int classes = task.network().classes();
    if (label < 0 || label >= classes) {
      throw new IllegalArgumentException(
          "Image %d has the class %d, expected one of 0 to %d."
              .formatted(image, label, classes - 1));
    }
    return label;
  }

  private int imageIndex(int step, int position) {
    long sample = (long) step * size + position;
    long epoch = sample / images.count();
    if (epoch != orderEpoch) {
      order = random.permutation(Purpose.DATA_ORDER, epoch, images.count());
      orderEpoch = epoch;
    }
    return order[(int) (sample % images.count())];
  }

  /** Noisy images, [N, C, H, W]. */
  HostTensor xt() {
    return xt;
  }

  /** What the network is to predict of them, [N, C, H, W]. */
  HostTensor target() {
    return target;
  }

  /** The timestep of each sample. */
  long[] timesteps() {
    return tValues.clone();
  }

  /**
   * What a network is told of them: their timesteps [N], and if it asks their classes [N] and the
   * texts of their captions [N, L, D].
   */
  List<HostTensor> conditions() {
    List<HostTensor> told = new ArrayList<>(List.of(t));
    if (task.network().conditional()) {
      told.add(y);
    }
    context.ifPresent(told::add);
    return told;
  }

  /** The text that stands for none, [1, L, D], of networks that read texts. */
  Optional<HostTensor> withoutText() {
    return withoutText;
  }
}
