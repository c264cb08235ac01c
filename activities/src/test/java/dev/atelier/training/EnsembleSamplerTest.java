package dev.atelier.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.diffusion.SamplerPlan;
import dev.atelier.network.ClosedForm;
import dev.atelier.network.TorchScriptArchive;
import dev.atelier.network.UNet;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Spacing;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.training.EnsembleSampler.OwnedModel;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EnsembleSamplerTest {
  private static final DiffusionSpec DIFFUSION = new DiffusionSpec(null, null, null, null);

  @TempDir Path directory;

  private OwnedModel model(int channels, int low, int high) throws Exception {
    UNet network =
        UNet.of(
            new NetworkSpec(channels, List.of(1, 2), 1, List.of(), 1, 0.0, Optional.empty()), 8, 3);
    Path archive = directory.resolve(channels + ".pt");
    TorchScriptArchive.write(archive, network.inferenceModule("UNet", ClosedForm.weights(network)));
    return new OwnedModel(archive, new TimestepRange(low, high), Optional.of(network.macs()));
  }

  private byte[] sample(double eta, int batchSize) throws Exception {
    byte[] all = new byte[5 * 192];
    try (EnsembleSampler sampler =
        new EnsembleSampler(
            List.of(model(8, 0, 400), model(16, 400, 1000)),
            DIFFUSION,
            new SamplerSpec(null, 6, Spacing.TRAILING, eta),
            9,
            3,
            8,
            "cpu")) {
      var report =
          sampler.sample(
              10,
              5,
              batchSize,
              (first, count, chw) ->
                  System.arraycopy(chw, 0, all, (int) (first - 10) * 192, count * 192),
              () -> false);
      assertThat(report.images()).isEqualTo(5);
      assertThat(report.steps()).isEqualTo(6);
    }
    return all;
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 1})
  void shouldNotDependOnTheBatchSizeWhenItSamples(double eta) throws Exception {
    byte[] one = sample(eta, 1);
    byte[] five = sample(eta, 5);
    int differing = 0;
    for (int i = 0; i < one.length; i++) {
      int difference = Math.abs((one[i] & 0xFF) - (five[i] & 0xFF));
      assertThat(difference).isLessThanOrEqualTo(1); // kernels may sum in another order
      differing += difference;
    }
    assertThat(differing).isLessThan(one.length / 50);
    assertThat(sample(eta, 5)).isEqualTo(five);
  }

  @Test
  void shouldCountTheMacsOfTheOwnerWhenStepsAreShared() throws Exception {
    OwnedModel small = model(8, 0, 400);
    OwnedModel large = model(16, 400, 1000);
    SamplerSpec spec = new SamplerSpec(null, 10, Spacing.UNIFORM, 0.0);
    assertThat(SamplerPlan.of(spec, 1000).timesteps()).startsWith(900).endsWith(0);
    try (EnsembleSampler sampler =
        new EnsembleSampler(List.of(small, large), DIFFUSION, spec, 9, 3, 8, "cpu")) {
      assertThat(sampler.macsPerStep().orElseThrow())
          .isCloseTo(
              0.4 * small.macs().orElseThrow() + 0.6 * large.macs().orElseThrow(), within(1e-3));
    }
  }

  @Test
  void shouldClampAndRoundHalfToEvenWhenPixelsAreMade() {
    float half = 2 * 0.5f / 255 - 1; // 0.5 of a step above black
    assertThat(EnsembleSampler.toBytes(new float[] {-3, -1, half, 1, 3, 0}))
        .containsExactly(0, 0, 0, 255, 255, 128);
  }
}
