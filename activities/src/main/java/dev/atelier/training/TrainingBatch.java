package dev.atelier.training;

import dev.atelier.diffusion.Mixture;
import dev.atelier.diffusion.NoiseSchedule;
import dev.atelier.diffusion.SeededRandom;
import dev.atelier.diffusion.SeededRandom.Purpose;
import dev.atelier.diffusion.TimestepSampler;
import dev.atelier.network.tensors.HostTensor;
import java.util.List;

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
  }

  /** Makes the batch of {@code step}, counted from 0. */
  void draw(int step) {
    for (int i = 0; i < size; i++) {
      int offset = i * elements;
      int image = imageIndex(step, i);
      images.copy(image, pixels, 0);
      boolean flip =
          task.training().horizontalFlips() && random.stream(Purpose.FLIP, step, i).nextLong() < 0;
      decode(offset, flip);
      int drawn = timesteps.draw(random, step, i);
      tValues[i] = drawn;
      yValues[i] = task.network().conditional() ? label(image) : 0;
      random.stream(Purpose.NOISE, step, i).gaussians(noiseValues, offset, elements);
      schedule.qSample(drawn, x0, noiseValues, xtValues, offset, elements);
      aim(drawn, offset);
    }
    xt.putFloats(xtValues);
    target.putFloats(targetValues);
    t.putLongs(tValues);
    y.putLongs(yValues);
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

  // 0..255 to [-1, 1].
  private void decode(int offset, boolean flip) {
    for (int row = 0; row < elements; row += side) {
      for (int column = 0; column < side; column++) {
        int from = row + (flip ? side - 1 - column : column);
        x0[offset + row + column] = (pixels[from] & 0xFF) / 127.5f - 1;
      }
    }
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

  /** What a network is told of them: their timesteps [N], and their classes [N] if it asks. */
  List<HostTensor> conditions() {
    return task.network().conditional() ? List.of(t, y) : List.of(t);
  }
}
