package dev.atelier.assignment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.diffusion.NoiseSchedule;
import dev.atelier.diffusion.SeededRandom;
import dev.atelier.diffusion.SeededRandom.Purpose;
import dev.atelier.network.ClosedForm;
import dev.atelier.network.Network;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.training.ImageSource;
import dev.atelier.training.TeacherModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DriftMeasurementTest {

  private static final int SIDE = 8;
  private static final DiffusionSpec DIFFUSION = new DiffusionSpec(20, null, null, 0.2);

  @TempDir Path directory;

  /** The network of the fixture. */
  private static Network network() {
    return Network.of(
        new NetworkSpec(16, List.of(1, 2), 1, List.of(4), 2, 0.0, Optional.of(4)), SIDE, 3, 3);
  }

  private static TeacherModel.Weights teacher() {
    return new TeacherModel.Weights(network(), ClosedForm.weights(network()));
  }

  /** Images of one value each: {@code step} apart. */
  private static ImageSource images(int count, int step) {
    return new ImageSource() {
      @Override
      public int count() {
        return count;
      }

      @Override
      public void copy(int index, byte[] chw, int offset) {
        for (int i = 0; i < 3 * SIDE * SIDE; i++) {
          chw[offset + i] = (byte) (40 + step * index);
        }
      }

      @Override
      public int label(int index) {
        return index % 3;
      }
    };
  }

  @Test
  void shouldEqualDiffusersWhenMidBlockFeaturesAreAveraged() throws Exception {
    Path archive = directory.resolve("features.pt");
    TorchScriptArchive.write(
        archive, network().midBlockModule("Features", ClosedForm.weights(network())));
    float[] found;
    try (TorchModule module = Libtorch.load(archive, "cpu", TorchModule.Mode.INFERENCE)) {
      found =
          module
              .run(
                  "mid_block",
                  ClosedForm.tensor(1000, 1, 0, 3, 3, SIDE, SIDE),
                  HostTensor.ofLongs(new long[] {3, 500, 999}, 3),
                  HostTensor.ofLongs(new long[] {0, 2, 1}, 3))
              .get(0)
              .toFloats();
    }
    JsonNode expected = AssignmentFixture.read("midBlock");
    assertThat(found).hasSize(3 * 32);
    for (int i = 0; i < found.length; i++) {
      assertThat(found[i])
          .isCloseTo((float) expected.get(i / 32).get(i % 32).asDouble(), within(1e-5f));
    }
  }

  @Test
  void shouldEqualNumPyWhenCkaIsComputed() {
    JsonNode fixture = AssignmentFixture.read("cka");
    LinearCka x = LinearCka.of(floats(fixture.get("x")), 12);
    LinearCka y = LinearCka.of(floats(fixture.get("y")), 12);

    assertThat(x.with(y)).isCloseTo(fixture.get("value").asDouble(), within(1e-9));
    assertThat(y.with(x)).isEqualTo(x.with(y));
    assertThat(x.with(x)).isCloseTo(1, within(1e-12));
  }

  private static float[] floats(JsonNode array) {
    float[] values = new float[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) array.get(i).asDouble();
    }
    return values;
  }

  /**
   * Of one image, with bins of one timestep, x_t is an affine map of the same noise in every bin,
   * and the covariances are multiples of each other: the Fréchet distance has a closed form.
   */
  @Test
  void shouldEqualTheClosedFormWhenOnlyTheNoiseLevelDiffers() throws Exception {
    int count = 40;
    DriftCurve curve = measure(images(count, 0), count, 17);

    // At 8×8 the grid is every pixel: each one's mean over the draws, and the sum of variances.
    int elements = 3 * SIDE * SIDE;
    float[][] noise = new float[count][elements];
    double[] mean = new double[elements];
    for (int i = 0; i < count; i++) {
      new SeededRandom(17).stream(Purpose.NOISE, 0, i).gaussians(noise[i], 0, elements);
      for (int p = 0; p < elements; p++) {
        mean[p] += noise[i][p] / (double) count;
      }
    }
    double variance = 0;
    for (float[] one : noise) {
      for (int p = 0; p < elements; p++) {
        variance += (one[p] - mean[p]) * (one[p] - mean[p]) / (count - 1);
      }
    }
    NoiseSchedule schedule = NoiseSchedule.of(DIFFUSION);
    double x0 = 40 / 127.5 - 1;
    for (int t = 0; t + 1 < 20; t++) {
      double signal =
          Math.sqrt(schedule.alphasCumprod(t + 1)) - Math.sqrt(schedule.alphasCumprod(t));
      double sigma =
          Math.sqrt(1 - schedule.alphasCumprod(t + 1)) - Math.sqrt(1 - schedule.alphasCumprod(t));
      double expected = sigma * sigma * variance;
      for (double m : mean) {
        expected += (signal * x0 + sigma * m) * (signal * x0 + sigma * m);
      }
      assertThat(curve.inputFrechet().get(t)).isCloseTo(expected, within(1e-3 * expected + 1e-5));
    }
  }

  @Test
  void shouldMeasureTheSameCurveAgainAndAnotherOneWithAnotherSeed() throws Exception {
    DriftCurve curve = measure(images(12, 9), 12, 5);

    assertThat(curve.bins()).hasSize(20);
    assertThat(curve.images()).isEqualTo(12);
    assertThat(curve.featureFrechet()).hasSize(19).allMatch(d -> d > 0);
    assertThat(curve.featureCka()).hasSize(19).allMatch(c -> c > 0 && c < 1);
    assertThat(measure(images(12, 9), 12, 5)).isEqualTo(curve);
    assertThat(measure(images(12, 9), 12, 6)).isNotEqualTo(curve);
  }

  @Test
  void shouldMeasureTheInputAloneWhenTheTeacherIsAnArchive() throws Exception {
    List<Integer> heard = new ArrayList<>();
    DriftCurve curve =
        new DriftMeasurement(images(12, 9), 3, SIDE, DIFFUSION, 5, 256)
            .measure(
                DriftCurve.equalBins(20, 5),
                new TeacherModel.Archive(Path.of("none.pt")),
                "cpu",
                directory,
                heard::add);

    assertThat(curve.images()).isEqualTo(12); // all there are
    assertThat(curve.inputFrechet()).hasSize(4);
    assertThat(curve.featureFrechet()).isEmpty();
    assertThat(curve.featureCka()).isEmpty();
    assertThat(heard).containsExactly(1, 2, 3, 4, 5);
  }

  @Test
  void shouldRefuseASingleImage() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new DriftMeasurement(images(1, 0), 3, SIDE, DIFFUSION, 5, 256))
        .withMessage("Drift needs at least 2 images, found 1.");
  }

  private DriftCurve measure(ImageSource images, int count, long seed) throws Exception {
    return new DriftMeasurement(images, 3, SIDE, DIFFUSION, seed, count)
        .measure(DriftCurve.equalBins(20, 20), teacher(), "cpu", directory, done -> {});
  }
}
