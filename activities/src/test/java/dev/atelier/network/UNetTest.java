package dev.atelier.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.spec.NetworkSpec;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class UNetTest {
  private static final NetworkSpec PAPER =
      new NetworkSpec(128, List.of(1, 2, 2, 2), 2, List.of(16), 1, 0.1, Optional.empty());

  @Test
  void shouldHaveThePapersSizeWhenItIsTheCifar10Teacher() {
    UNet network = UNet.of(PAPER, 32, 3);
    assertThat(network.parameters()).isEqualTo(35_746_307L); // google/ddpm-cifar10-32
    assertThat(network.macs() / 1e9).isCloseTo(6.1, within(0.061));
    assertThat(network.macs()).isEqualTo(6_053_953_536L); // counted by PyTorch: unet_fixtures.py
    assertThat(network.attentionMacs()).isEqualTo(5L * 2 * 256 * 256 * 256 + 2L * 16 * 16 * 256);
  }

  @Test
  void shouldNameTheFieldWhenTheShapeIsImpossible() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> UNet.of(PAPER, 28, 3))
        .withMessage(
            "Resolution 28 must be divisible by 8: network.multipliers has 4 levels, each half as wide as the one before.");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                UNet.of(
                    new NetworkSpec(40, List.of(1), 1, List.of(), 1, 0.0, Optional.of(32)), 8, 3))
        .withMessageContaining("network.groups (32)");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                UNet.of(
                    new NetworkSpec(32, List.of(1), 1, List.of(8), 3, 0.0, Optional.empty()), 8, 3))
        .withMessageContaining("network.attentionHeads (3)");
  }

  @Test
  void shouldStartFromTheSameWeightsWhenTheSeedIsTheSame() {
    UNet network =
        UNet.of(new NetworkSpec(16, List.of(1, 2), 1, List.of(), 1, 0.0, Optional.empty()), 8, 3);
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
  void shouldListEveryFaultWhenWeightsDoNotFit() {
    UNet network =
        UNet.of(new NetworkSpec(16, List.of(1), 1, List.of(), 1, 0.0, Optional.empty()), 8, 3);
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
