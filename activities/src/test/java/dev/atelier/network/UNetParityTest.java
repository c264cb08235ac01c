package dev.atelier.network;

import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.spec.NetworkSpec;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Against {@code UNet2DModel} of diffusers; the fixtures come from {@code unet_fixtures.py}. */
class UNetParityTest {
  @TempDir Path directory;

  @ParameterizedTest
  @CsvSource({
    "plain, CPU", "plain, PORTABLE",
    "attention, CPU", "attention, PORTABLE",
    "heads, CPU", "heads, PORTABLE",
    "cifar10, CPU", "cifar10, PORTABLE",
    "conditional, CPU", "conditional, PORTABLE",
    "grey, CPU", "grey, PORTABLE",
    "large, CPU", "large, PORTABLE",
    "narrow, CPU", "narrow, PORTABLE",
    "defaults, CPU", "defaults, PORTABLE"
  })
  void shouldEqualDiffusersWhenWeightsAreTheSame(String name, NetworkForm form) throws Exception {
    SafetensorsFile fixture =
        SafetensorsFile.read(
            Path.of(getClass().getResource("/network/unet-" + name + ".safetensors").toURI()));
    Parity.check(network(fixture.metadata()), fixture, form, directory);
  }

  private static Network network(Map<String, String> m) {
    List<Integer> widths = integers(m.get("widths"));
    return Network.of(
        new NetworkSpec(
            widths.get(0),
            widths.stream().map(w -> w / widths.get(0)).toList(),
            Integer.valueOf(m.get("resBlocks")),
            integers(m.get("attentionResolutions")),
            Integer.valueOf(m.get("heads")),
            0.0,
            integers(m.get("groups")).stream().findFirst(),
            integers(m.getOrDefault("headWidth", "")).stream().findFirst(),
            Optional.ofNullable(m.get("variant")).map(NetworkSpec.Variant::valueOf)),
        Integer.parseInt(m.get("resolution")),
        Integer.parseInt(m.getOrDefault("channels", "3")),
        Integer.parseInt(m.getOrDefault("classes", "0")));
  }

  private static List<Integer> integers(String list) {
    return list.isEmpty()
        ? List.of()
        : Arrays.stream(list.split(",", -1)).map(Integer::valueOf).toList();
  }
}
