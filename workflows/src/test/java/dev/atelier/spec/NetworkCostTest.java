package dev.atelier.spec;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NetworkCostTest {

  /** Counted by PyTorch of UNet2DModel: unet_fixtures.py of the module activities. */
  @ParameterizedTest
  @CsvSource({
    "32, 3, 128, '1,2,2,2', 2, '16', 35746307, 6053953536",
    "16, 3, 32, '1,2,2', 1, '', 1063651, 61227008",
    "16, 3, 16, '1,2', 2, '8', 253123, 22872064",
    "8, 3, 32, '1,1', 1, '8,4', 298531, 8765440",
    "28, 1, 16, '1,2,2', 1, '14', 280177, 49121792",
    "64, 3, 8, '1,2,2,2', 1, '16,8', 100747, 63462912",
  })
  void shouldCountWhatPyTorchCounts(
      int resolution,
      int imageChannels,
      int channels,
      String multipliers,
      int blocks,
      String attention,
      long parameters,
      long macs) {
    NetworkSpec spec =
        new NetworkSpec(
            channels, numbers(multipliers), blocks, numbers(attention), 1, 0.1, Optional.empty());
    assertThat(NetworkCost.of(spec, resolution, imageChannels))
        .isEqualTo(new NetworkCost(parameters, macs));
  }

  /**
   * Counted by PyTorch of DiTTransformer2DModel without its tables of classes: dit_fixtures.py. The
   * first is DiT-XL/2 of 32×32 latents, in the paper 118.6 G with the products of attention.
   */
  @ParameterizedTest
  @CsvSource({
    "4, 2, 28, 16, 72, true, 717538208, 114437357568",
    "3, 2, 12, 6, 64, false, 35183244, 5452038144",
  })
  void shouldCountWhatPyTorchCountsInATransformer(
      int imageChannels,
      int patchSize,
      int layers,
      int heads,
      int headWidth,
      boolean sigma,
      long parameters,
      long macs) {
    NetworkSpec spec =
        NetworkSpec.of(
            new NetworkSpec.TransformerSpec(patchSize, layers, heads, headWidth, null, sigma));
    assertThat(NetworkCost.of(spec, 32, imageChannels))
        .isEqualTo(new NetworkCost(parameters, macs));
  }

  private static List<Integer> numbers(String text) {
    return text.isEmpty()
        ? List.of()
        : Arrays.stream(text.split(",")).map(Integer::valueOf).toList();
  }
}
