package dev.atelier.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.diffusion.CommonSpace;
import dev.atelier.diffusion.LossWeights;
import dev.atelier.diffusion.Mixture;
import dev.atelier.diffusion.NoiseSchedule;
import dev.atelier.network.TrainingModule.Settings;
import dev.atelier.network.TrainingModule.State;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.FeatureLossSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.Prediction;
import dev.atelier.spec.TrainingSpec;
import dev.atelier.spec.TrainingSpec.Precision;
import dev.atelier.spec.TrainingSpecBuilder;
import dev.atelier.spec.Weighting;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Against eager PyTorch; the fixture comes from {@code loss_fixture.py}. */
class PredictionLossTest {
  private static final NoiseSchedule SCHEDULE = NoiseSchedule.of(DiffusionSpec.DEFAULTS);
  private static final long[] T = {3, 250, 777, 999};
  private static final long[] SHAPE = {4, 3, 8, 8};
  private static final int PIXELS = 3 * 8 * 8;
  private static final double BETA1 = 0.9; // of Adam

  @TempDir Path directory;

  static Stream<Arguments> cases() {
    return Stream.of(
            Arguments.of("x0-of-eps", Prediction.X0, Prediction.EPS, Weighting.NONE),
            Arguments.of("eps-of-x0", Prediction.EPS, Prediction.X0, Weighting.NONE),
            Arguments.of("x0-of-x0", Prediction.X0, Prediction.X0, Weighting.NONE),
            Arguments.of("v-of-eps", Prediction.V, Prediction.EPS, Weighting.NONE),
            Arguments.of("x0-of-v", Prediction.X0, Prediction.V, Weighting.NONE),
            Arguments.of("v-of-v", Prediction.V, Prediction.V, Weighting.NONE),
            Arguments.of("flow-of-eps", Prediction.FLOW, Prediction.EPS, Weighting.NONE),
            Arguments.of("v-of-flow", Prediction.V, Prediction.FLOW, Weighting.NONE),
            Arguments.of("min-snr-eps", Prediction.EPS, Prediction.EPS, Weighting.MIN_SNR),
            Arguments.of("min-snr-x0", Prediction.X0, Prediction.X0, Weighting.MIN_SNR),
            Arguments.of("min-snr-v", Prediction.V, Prediction.V, Weighting.MIN_SNR),
            Arguments.of("p2-eps", Prediction.EPS, Prediction.EPS, Weighting.P2),
            Arguments.of("p2-v-of-eps", Prediction.V, Prediction.EPS, Weighting.P2))
        .flatMap(
            c ->
                Stream.of(NetworkForm.values())
                    .map(f -> Arguments.of(c.get()[0], c.get()[1], c.get()[2], c.get()[3], f)));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void shouldEqualPyTorchWhateverIsPredicted(
      String name, Prediction student, Prediction teacher, Weighting weighting, NetworkForm form)
      throws Exception {
    TrainingSpec training = weighted(weighting);
    Map<String, HostTensor> fixture =
        SafetensorsFile.read(
                Path.of(getClass().getResource("/training/losses.safetensors").toURI()))
            .tensors();
    Network network =
        Network.of(new NetworkSpec(8, List.of(1, 2), 1, List.of(4), 1, 0.0, Optional.of(8)), 8, 3);
    Map<String, HostTensor> weights = ClosedForm.weights(network);
    Map<String, HostTensor> zeros = new LinkedHashMap<>();
    weights.forEach((k, v) -> zeros.put(k, HostTensor.zeros(v.dtype(), v.shape())));
    Settings settings =
        new Settings(
            1e6, // nothing is clipped
            0,
            0.999,
            1,
            0.5,
            2,
            Precision.FP32,
            form,
            FeatureLossSpec.NONE,
            CommonSpace.of(student, teacher, SCHEDULE),
            LossWeights.of(training, student, SCHEDULE),
            Optional.empty(),
            false);
    Path archive = directory.resolve("training.pt");
    TorchScriptArchive.write(
        archive, TrainingModule.of(network, new State(weights, weights, zeros, zeros), settings));
    float[] x0 = ClosedForm.tensor(0, 1, 0, SHAPE).toFloats();
    float[] eps = ClosedForm.tensor(1, 1, 0, SHAPE).toFloats();
    HostTensor taught = ClosedForm.tensor(2, 1, 0, SHAPE);
    float[] xt = new float[x0.length];
    float[] target = new float[x0.length];
    for (int i = 0; i < T.length; i++) {
      int t = (int) T[i];
      SCHEDULE.qSample(t, x0, eps, xt, i * PIXELS, PIXELS);
      Mixture mixture = Mixture.of(student, SCHEDULE, t);
      for (int j = i * PIXELS; j < (i + 1) * PIXELS; j++) {
        target[j] = (float) mixture.target(x0[j], eps[j]);
      }
    }

    try (TorchModule module = Libtorch.load(archive, "cpu", TorchModule.Mode.TRAINING)) {
      double[] found =
          module
              .run(
                  "distill_step",
                  HostTensor.ofFloats(xt, SHAPE),
                  HostTensor.ofFloats(target, SHAPE),
                  HostTensor.ofLongs(T, T.length),
                  taught,
                  HostTensor.ofDoubles(new double[] {1e-3, 0.9}, 2),
                  HostTensor.ofLongs(new long[] {1, 0}, 2))
              .get(0)
              .toDoubles();
      double[] metrics = fixture.get(name + ".metrics").toDoubles();
      for (int i = 0; i < metrics.length; i++) {
        assertThat(found[i]).isCloseTo(metrics[i], within(1e-5 * metrics[i]));
      }
      double[] samples = fixture.get(name + ".samples").toDoubles();
      for (int i = 0; i < samples.length; i++) {
        assertThat(found[StepFigures.BEFORE_SAMPLES + i])
            .isCloseTo(samples[i], within(1e-5 * samples[i]));
      }
      List<HostTensor> averages = module.run("exp_avg");
      for (int i = 0; i < averages.size(); i++) {
        String key = name + ".gradient." + network.weights().get(i).name();
        if (fixture.containsKey(key)) {
          assertThat(distance(averages.get(i).toDoubles(), fixture.get(key).toDoubles()))
              .as(key)
              .isLessThan(1e-4);
        }
      }
    }
  }

  private static TrainingSpec weighted(Weighting weighting) {
    return TrainingSpecBuilder.builder().weighting(Optional.of(weighting)).build();
  }

  /** ||m / (1 - beta1) - g|| / ||g||: after one step the first moment is the gradient's share. */
  private static double distance(double[] moment, double[] gradient) {
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < gradient.length; i++) {
      double d = moment[i] / (1 - BETA1) - gradient[i];
      difference += d * d;
      norm += gradient[i] * gradient[i];
    }
    return Math.sqrt(difference / norm);
  }
}
