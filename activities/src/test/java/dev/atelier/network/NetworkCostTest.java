package dev.atelier.network;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.spec.NetworkCost;
import dev.atelier.spec.NetworkSpec;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NetworkCostTest {

  @ParameterizedTest
  @CsvSource({
    "32, 32, 3, 128, '1,2,2,2', 2, '16'",
    "16, 16, 1, 24, '1,2,2', 1, '8'",
    "28, 28, 3, 32, '1,2,4', 3, '14,7'",
    "8, 8, 3, 16, '1', 1, ''",
    "64, 64, 3, 64, '1,1,2,2,4', 2, '32,16'"
  })
  void shouldCountWhatTheNetworkThatIsBuiltHas(
      int resolution,
      int side,
      int imageChannels,
      int channels,
      String multipliers,
      int blocks,
      String attention) {
    NetworkSpec spec =
        new NetworkSpec(
            channels, numbers(multipliers), blocks, numbers(attention), 1, 0.0, Optional.empty());
    UNet built = UNet.of(spec, resolution, imageChannels);

    assertThat(NetworkCost.of(spec, side, imageChannels))
        .isEqualTo(new NetworkCost(built.parameters(), built.macs()));
  }

  private static List<Integer> numbers(String text) {
    return text.isEmpty()
        ? List.of()
        : java.util.Arrays.stream(text.split(",")).map(Integer::valueOf).toList();
  }
}
