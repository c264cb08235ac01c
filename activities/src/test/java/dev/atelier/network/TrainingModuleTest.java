package dev.atelier.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.network.TrainingModule.Settings;
import dev.atelier.network.TrainingModule.State;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TrainingSpec.Precision;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Against eager PyTorch; the fixture comes from {@code training_step_fixture.py}. */
class TrainingModuleTest {
  @TempDir Path directory;

  @ParameterizedTest
  @CsvSource({"adam, 0, 0", "adamw, 0.1, 0.5"})
  void shouldEqualPyTorchWhenStepsAreTaken(String name, double weightDecay, double distillation)
      throws Exception {
    Map<String, HostTensor> fixture =
        SafetensorsFile.read(Path.of(getClass().getResource("/training/steps.safetensors").toURI()))
            .tensors();
    UNet network =
        UNet.of(new NetworkSpec(8, List.of(1, 2), 1, List.of(4), 1, 0.0, Optional.of(8)), 8, 3);
    Map<String, HostTensor> weights = ClosedForm.weights(network);
    Map<String, HostTensor> zeros = new LinkedHashMap<>();
    weights.forEach((k, v) -> zeros.put(k, HostTensor.zeros(v.dtype(), v.shape())));
    Path archive = directory.resolve("training.pt");
    TorchScriptArchive.write(
        archive,
        TrainingModule.of(
            network,
            new State(weights, weights, zeros, zeros),
            new Settings(0.25, weightDecay, 1, distillation, 1, Precision.FP32)));

    try (TorchModule module = Libtorch.load(archive, "cpu", TorchModule.Mode.TRAINING)) {
      double[] expected = fixture.get(name + ".metrics").toDoubles();
      for (int step = 0; step < 3; step++) {
        HostTensor xt = ClosedForm.tensor(100 * step, 1, 0, 4, 3, 8, 8);
        HostTensor noise = ClosedForm.tensor(100 * step + 1, 1, 0, 4, 3, 8, 8);
        HostTensor epsTeacher = ClosedForm.tensor(100 * step + 2, 1, 0, 4, 3, 8, 8);
        HostTensor t = HostTensor.ofLongs(new long[] {3, 250, 777, 999}, 4);
        double emaDecay = Math.min(0.2, (1.0 + step) / (10.0 + step));
        HostTensor hyper = HostTensor.ofDoubles(new double[] {1e-3 * (step + 1) / 3, emaDecay}, 2);
        HostTensor counters = HostTensor.ofLongs(new long[] {step + 1, 0}, 2);
        double[] metrics =
            (distillation == 0
                    ? module.run("train_step", xt, noise, t, hyper, counters)
                    : module.run("distill_step", xt, noise, t, epsTeacher, hyper, counters))
                .get(0)
                .toDoubles();
        for (int i = 0; i < 4; i++) {
          if (i != 2 || distillation > 0) {
            double e = expected[4 * step + i];
            assertThat(metrics[i]).isCloseTo(e, within(1e-5 * Math.abs(e)));
          }
        }
      }
      for (String part : List.of("weights", "ema", "exp_avg", "exp_avg_sq")) {
        List<HostTensor> tensors = module.run(part);
        for (int i = 0; i < tensors.size(); i++) {
          String key = name + "." + part + "." + network.weights().get(i).name();
          if (fixture.containsKey(key)) {
            assertThat(distance(tensors.get(i), fixture.get(key))).as(key).isLessThan(1e-5);
          }
        }
      }
    }
  }

  /** ||a - b|| / ||b||. */
  private static double distance(HostTensor a, HostTensor b) {
    double[] x = a.toDoubles();
    double[] y = b.toDoubles();
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < y.length; i++) {
      difference += (x[i] - y[i]) * (x[i] - y[i]);
      norm += y[i] * y[i];
    }
    return Math.sqrt(difference / norm);
  }
}
