package dev.atelier.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.TorchException;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TrainingSpec.Precision;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class UNetTest {
  @TempDir Path directory;

  private static final NetworkSpec PAPER =
      new NetworkSpec(128, List.of(1, 2, 2, 2), 2, List.of(16), 1, 0.1, Optional.empty());

  @Test
  void shouldHaveThePapersSizeWhenItIsTheCifar10Teacher() {
    Network network = Network.of(PAPER, 32, 3);
    assertThat(network.parameters()).isEqualTo(35_746_307L); // google/ddpm-cifar10-32
    assertThat(network.macs() / 1e9).isCloseTo(6.1, within(0.061));
    assertThat(network.macs()).isEqualTo(6_053_953_536L); // counted by PyTorch: unet_fixtures.py
    assertThat(network.attentionMacs()).isEqualTo(5L * 2 * 256 * 256 * 256 + 2L * 16 * 16 * 256);
  }

  @Test
  void shouldNameTheFieldWhenTheShapeIsImpossible() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Network.of(PAPER, 28, 3))
        .withMessage(
            "Resolution 28 must be divisible by 8: network.multipliers has 4 levels, each half as wide as the one before.");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                Network.of(
                    new NetworkSpec(40, List.of(1), 1, List.of(), 1, 0.0, Optional.of(32)), 8, 3))
        .withMessageContaining("network.groups (32)");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                Network.of(
                    new NetworkSpec(32, List.of(1), 1, List.of(8), 3, 0.0, Optional.empty()), 8, 3))
        .withMessageContaining("network.attentionHeads (3)");
  }

  @Test
  void shouldStartFromTheSameWeightsWhenTheSeedIsTheSame() {
    Network network =
        Network.of(
            new NetworkSpec(16, List.of(1, 2), 1, List.of(), 1, 0.0, Optional.empty()), 8, 3);
    float[] a = network.initialise(new SeededRandom(7)).get("conv_in.weight").toFloats();
    float[] b = network.initialise(new SeededRandom(7)).get("conv_in.weight").toFloats();
    float[] c = network.initialise(new SeededRandom(8)).get("conv_in.weight").toFloats();
    assertThat(a).isEqualTo(b).isNotEqualTo(c);
    double bound = 1 / Math.sqrt(27);
    for (float w : a) {
      assertThat(Math.abs(w)).isLessThanOrEqualTo((float) bound);
    }
    assertThat(network.initialise(new SeededRandom(7)).get("conv_out.weight").toFloats())
        .containsOnly(0f);
  }

  @Test
  void shouldLeaveEachGroupFourChannelsWhenTheWidthAllows() {
    NetworkSpec spec = NetworkSpec.ofWidth(128);
    for (int width : new int[] {128, 256, 384, 512}) {
      assertThat(spec.groupsFor(width)).isEqualTo(32); // the paper's network
    }
    assertThat(spec.groupsFor(64)).isEqualTo(16);
    assertThat(spec.groupsFor(96)).isEqualTo(24);
    assertThat(spec.groupsFor(30)).isEqualTo(6);
    assertThat(spec.groupsFor(14)).isEqualTo(2);
    assertThat(spec.groupsFor(6)).isEqualTo(1);
    assertThat(spec.groupsFor(74)).isEqualTo(2);
  }

  @Test
  void shouldStartTheClassEmbeddingFromAStandardNormal() {
    Network network =
        Network.of(
            new NetworkSpec(16, List.of(1), 1, List.of(), 1, 0.0, Optional.empty()), 8, 3, 100);
    HostTensor embedding = network.initialise(new SeededRandom(7)).get("class_embedding.weight");
    assertThat(embedding.shape()).containsExactly(100, 64);
    double[] values = embedding.toDoubles();
    assertThat(Arrays.stream(values).average().orElseThrow()).isCloseTo(0, within(0.04));
    assertThat(Arrays.stream(values).map(v -> v * v).average().orElseThrow())
        .isCloseTo(1, within(0.06)); // four standard errors
  }

  @ParameterizedTest
  @CsvSource({"8, 4, CPU", "8, 4, PORTABLE", "256, 7, CPU", "256, 7, PORTABLE"})
  void shouldGiveEpsAtEveryResolution(int resolution, int levels, NetworkForm form)
      throws Exception {
    NetworkSpec spec =
        new NetworkSpec(4, Collections.nCopies(levels, 1), 1, List.of(8), 1, 0.0, Optional.empty());
    Network network = Network.of(spec, resolution, 1);
    HostTensor x = ClosedForm.tensor(1, 1, 0, 2, 1, resolution, resolution);
    HostTensor t = HostTensor.ofLongs(new long[] {3, 998}, 2);
    float[] eps = eps(network, form, x, t);
    assertThat(eps).hasSize(2 * resolution * resolution);
    float[] other = eps(network, form, x, HostTensor.ofLongs(new long[] {3, 3}, 2));
    int half = eps.length / 2;
    int differing = 0;
    for (int i = 0; i < eps.length; i++) {
      assertThat(eps[i]).isFinite();
      if (i < half) {
        assertThat(eps[i]).isEqualTo(other[i]);
      } else if (eps[i] != other[i]) {
        differing++;
      }
    }
    assertThat(differing)
        .as("t counts")
        .isGreaterThanOrEqualTo(half - half / 100); // rounding meets by chance
  }

  @ParameterizedTest
  @EnumSource(NetworkForm.class)
  void shouldGiveAnotherEpsWhenTheClassIsAnother(NetworkForm form) throws Exception {
    NetworkSpec spec = new NetworkSpec(8, List.of(1, 2), 1, List.of(), 1, 0.0, Optional.empty());
    Network network = Network.of(spec, 8, 3, 4);
    HostTensor x = ClosedForm.tensor(1, 1, 0, 1, 3, 8, 8);
    HostTensor twice = HostTensor.zeros(HostTensor.DType.F32, 2, 3, 8, 8);
    twice.data().put(x.data()).put(x.data());
    HostTensor t = HostTensor.ofLongs(new long[] {500, 500}, 2);
    float[] same = eps(network, form, twice, t, HostTensor.ofLongs(new long[] {3, 3}, 2));
    float[] differing = eps(network, form, twice, t, HostTensor.ofLongs(new long[] {3, 0}, 2));
    for (int i = 0; i < 192; i++) {
      assertThat(same[192 + i]).isEqualTo(same[i]).isEqualTo(differing[i]);
    }
    double distance = 0;
    for (int i = 0; i < 192; i++) {
      distance = Math.max(distance, Math.abs(differing[192 + i] - differing[i]));
    }
    assertThat(distance).isGreaterThan(0.01);
    HostTensor unknown = HostTensor.ofLongs(new long[] {3, 4}, 2);
    assertThatExceptionOfType(TorchException.class)
        .isThrownBy(() -> eps(network, form, twice, t, unknown));
  }

  private float[] eps(Network network, NetworkForm form, HostTensor... inputs) throws Exception {
    Path archive = directory.resolve("network.pt");
    TorchScriptArchive.write(
        archive,
        network.inferenceModule("UNet", ClosedForm.weights(network), form, Precision.FP32));
    try (TorchModule module = Libtorch.load(archive, "cpu", TorchModule.Mode.INFERENCE)) {
      return module.forward(inputs).toFloats();
    }
  }

  @Test
  void shouldListEveryFaultWhenWeightsDoNotFit() {
    Network network =
        Network.of(new NetworkSpec(16, List.of(1), 1, List.of(), 1, 0.0, Optional.empty()), 8, 3);
    var tensors = network.initialise(new SeededRandom(0));
    tensors.remove("conv_in.bias");
    tensors.put("conv_out.bias", HostTensor.zeros(HostTensor.DType.F32, 4));
    tensors.put("extra", HostTensor.zeros(HostTensor.DType.F32, 1));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> network.check(tensors, "File 'w'"))
        .withMessage(
            "File 'w' doesn't fit the network: conv_in.bias is missing; conv_out.bias: expected F32[3], found F32[4]; extra is unknown.");
  }
}
