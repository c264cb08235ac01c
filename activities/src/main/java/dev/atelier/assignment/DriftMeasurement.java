package dev.atelier.assignment;

import dev.atelier.diffusion.NoiseSchedule;
import dev.atelier.diffusion.Pixels;
import dev.atelier.diffusion.SeededRandom;
import dev.atelier.diffusion.SeededRandom.Purpose;
import dev.atelier.evaluation.FeatureStatistics;
import dev.atelier.evaluation.FrechetDistance;
import dev.atelier.evaluation.LinearAlgebra;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.MemoryRanOutException;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.training.ImageSource;
import dev.atelier.training.TeacherModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.IntConsumer;

/**
 * Measures how the input of a teacher and the features of its middle block change from one bin of
 * timesteps to the next.
 *
 * <p>Every bin sees the same images with the same noise, each at the same place within the bin:
 * what differs between two bins is t alone, and not the luck of the draw. The input is compared at
 * a grid of at most 8×8 pixels, in all channels, as the Fréchet distance of whole images would need
 * more images than numbers in one; the distance of a part of the coordinates is never more than
 * that of all of them. Features are means over the pixels. The draws are a pure function of the
 * seed.
 */
public final class DriftMeasurement {

  private static final int GRID = 8; // pixels per side at which inputs are compared
  private static final int BATCH = 32; // images that the teacher sees at once

  private final ImageSource images;
  private final int channels;
  private final int side;
  private final NoiseSchedule schedule;
  private final SeededRandom random;
  private final int[] chosen; // indices of images
  private final int[] pixels; // indices of the grid's pixels, in all channels

  /**
   * Chooses the images.
   *
   * @param channels of an image
   * @param side pixels per side
   * @param wanted images to look at; fewer where there are fewer
   * @throws IllegalArgumentException if there are fewer than 2 images
   */
  public DriftMeasurement(
      ImageSource images, int channels, int side, DiffusionSpec diffusion, long seed, int wanted) {
    int count = Math.min(wanted, images.count());
    if (count < 2) {
      throw new IllegalArgumentException(
          "Drift needs at least 2 images, found %d.".formatted(count));
    }
    this.images = images;
    this.channels = channels;
    this.side = side;
    this.schedule = NoiseSchedule.of(diffusion);
    this.random = new SeededRandom(seed);
    this.chosen = Arrays.copyOf(random.permutation(Purpose.DATA_ORDER, 0, images.count()), count);
    this.pixels = grid(channels, side);
  }

  private static int[] grid(int channels, int side) {
    int n = Math.min(GRID, side);
    int[] indices = new int[channels * n * n];
    int next = 0;
    for (int c = 0; c < channels; c++) {
      for (int row = 0; row < n; row++) {
        for (int column = 0; column < n; column++) {
          indices[next++] =
              (c * side + (2 * row + 1) * side / (2 * n)) * side
                  + (2 * column + 1) * side / (2 * n);
        }
      }
    }
    return indices;
  }

  /**
   * Measures every bin.
   *
   * @param bins they cover [0, T)
   * @param teacher whose features are compared; of a TorchScript archive only the input is
   * @param work a directory for temporary files
   * @param afterBin hears how many bins are done; what it throws ends the measurement
   */
  public DriftCurve measure(
      List<TimestepRange> bins,
      TeacherModel teacher,
      String device,
      Path work,
      IntConsumer afterBin)
      throws IOException {
    Optional<Features> features = features(teacher, device, work);
    List<Double> inputFrechet = new ArrayList<>();
    List<Double> featureFrechet = new ArrayList<>();
    List<Double> featureCka = new ArrayList<>();
    try (LinearAlgebra algebra = new LinearAlgebra()) {
      Optional<Bin> before = Optional.empty();
      for (int i = 0; i < bins.size(); i++) {
        Bin bin = measure(bins.get(i), features, algebra);
        if (before.isPresent()) {
          Bin last = before.get();
          inputFrechet.add(
              FrechetDistance.between(last.input.gaussian(), bin.input.gaussian(), algebra));
          if (bin.features.isPresent()) {
            featureFrechet.add(
                FrechetDistance.between(
                    last.features.orElseThrow().gaussian(),
                    bin.features.get().gaussian(),
                    algebra));
            featureCka.add(last.kernel.orElseThrow().with(bin.kernel.orElseThrow()));
          }
        }
        before = Optional.of(bin);
        afterBin.accept(i + 1);
      }
    } finally {
      features.ifPresent(f -> f.module().close());
    }
    return new DriftCurve(bins, chosen.length, inputFrechet, featureFrechet, featureCka);
  }

  /** The part of the teacher that makes features, and whether it asks for classes. */
  private record Features(TorchModule module, boolean conditional) {}

  /** What is known of one bin. */
  private record Bin(
      FeatureStatistics input, Optional<FeatureStatistics> features, Optional<LinearCka> kernel) {}

  private static Optional<Features> features(TeacherModel teacher, String device, Path work)
      throws IOException {
    if (!(teacher instanceof TeacherModel.Weights ours)) {
      return Optional.empty();
    }
    Path archive = Files.createTempFile(work, "features-", ".pt");
    try {
      TorchScriptArchive.write(archive, ours.network().midBlockModule("Features", ours.weights()));
      return Optional.of(
          new Features(
              Libtorch.load(archive, device, TorchModule.Mode.INFERENCE),
              ours.network().conditional()));
    } finally {
      Files.delete(archive);
    }
  }

  private Bin measure(TimestepRange bin, Optional<Features> features, LinearAlgebra algebra) {
    int elements = channels * side * side;
    float[] inputs = new float[chosen.length * pixels.length];
    float[] made = {};
    int width = 0;
    for (int first = 0; first < chosen.length; first += BATCH) {
      int n = Math.min(BATCH, chosen.length - first);
      float[] xt = new float[n * elements];
      long[] t = new long[n];
      long[] y = new long[n];
      for (int i = 0; i < n; i++) {
        t[i] = noisy(bin, first + i, xt, i * elements);
        y[i] = images.label(chosen[first + i]);
        for (int p = 0; p < pixels.length; p++) {
          inputs[(first + i) * pixels.length + p] = xt[i * elements + pixels[p]];
        }
      }
      if (features.isPresent()) {
        float[] rows = features(features.get(), xt, t, y, context(first, n));
        if (first == 0) {
          width = rows.length / n;
          made = new float[chosen.length * width];
        }
        System.arraycopy(rows, 0, made, first * width, rows.length);
      }
    }
    FeatureStatistics input = algebra.statistics(inputs, pixels.length);
    return features.isEmpty()
        ? new Bin(input, Optional.empty(), Optional.empty())
        : new Bin(
            input,
            Optional.of(algebra.statistics(made, width)),
            Optional.of(LinearCka.of(made, chosen.length)));
  }

  /** Writes x_t of the {@code index}-th image at its place in {@code bin}, and returns t. */
  private int noisy(TimestepRange bin, int index, float[] xt, int offset) {
    int elements = channels * side * side;
    float[] x0 = x0(index);
    float[] eps = new float[elements];
    float[] noisy = new float[elements];
    random.stream(Purpose.NOISE, 0, index).gaussians(eps, 0, elements);
    double place = random.stream(Purpose.TIMESTEP, 0, index).nextDouble();
    int t = bin.low() + (int) (place * bin.length());
    schedule.qSample(t, x0, eps, noisy, 0, elements);
    System.arraycopy(noisy, 0, xt, offset, elements);
    return t;
  }

  private float[] x0(int index) {
    float[] x0 = new float[channels * side * side];
    if (images.latents().isPresent()) {
      images
          .latents()
          .get()
          .draw(chosen[index], false, random.stream(Purpose.LATENT, 0, index), x0, 0);
      return x0;
    }
    byte[] chw = new byte[x0.length];
    images.copy(chosen[index], chw, 0);
    Pixels.values(chw, side, false, x0, 0);
    return x0;
  }

  /** The first caption of each image, where there are texts, [N·tokens·width]. */
  private Optional<HostTensor> context(int first, int n) {
    return images
        .texts()
        .map(
            texts -> {
              int size = texts.tokens() * texts.width();
              float[] values = new float[n * size];
              for (int i = 0; i < n; i++) {
                texts.read(chosen[first + i], 0, values, i * size);
              }
              return HostTensor.ofFloats(values, n, texts.tokens(), texts.width());
            });
  }

  private float[] features(
      Features features, float[] xt, long[] t, long[] y, Optional<HostTensor> context) {
    List<HostTensor> asked =
        new ArrayList<>(
            List.of(
                HostTensor.ofFloats(xt, t.length, channels, side, side),
                HostTensor.ofLongs(t, t.length)));
    if (features.conditional()) {
      asked.add(HostTensor.ofLongs(y, t.length));
    }
    context.ifPresent(asked::add);
    return MemoryRanOutException.naming(
        "The measurement of drift",
        t.length,
        side,
        () ->
            features.module().run("mid_block", asked.toArray(HostTensor[]::new)).get(0).toFloats());
  }
}
