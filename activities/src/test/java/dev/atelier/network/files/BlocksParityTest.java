package dev.atelier.network.files;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.atelier.network.Network;
import dev.atelier.network.NetworkForm;
import dev.atelier.network.Parity;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.spec.NetworkSpec;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Against {@code UNet2DModel} and {@code UNet2DConditionModel} of diffusers, read by their configs;
 * the fixtures come from {@code block_fixtures.py}.
 */
class BlocksParityTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "resnet",
        "resnet-ddpm",
        "skip",
        "skip-all",
        "skip-attention",
        "unlike",
        "no-middle",
        "plain-middle",
        "sigma",
        "norm-eps",
        "widths",
        "text-sd1",
        "text-sd2",
        "text-heads",
        "text-lowest",
        "text-unlike",
        "text-no-middle",
        "text-resnet"
      })
  void shouldEqualDiffusersAndWriteTheSameNetworkWhenReadByItsConfig(String name) throws Exception {
    SafetensorsFile fixture =
        SafetensorsFile.read(
            Path.of(getClass().getResource("/network/blocks-" + name + ".safetensors").toURI()));
    ObjectNode config = (ObjectNode) JSON.readTree(fixture.metadata().get("config"));
    config.put("_class_name", name.startsWith("text") ? "UNet2DConditionModel" : "UNet2DModel");
    int side = config.get("sample_size").asInt();
    int channels = config.get("in_channels").asInt();
    int classes = config.path("num_class_embeds").asInt(0);
    NetworkSpec spec = DiffusersNetwork.network(config, side, channels, classes);
    Network network = Network.of(spec, side, channels, classes);

    Parity.check(network, fixture, NetworkForm.PORTABLE, directory);

    JsonNode written = DiffusersNetwork.config(network).orElseThrow();
    assertThat(DiffusersNetwork.network(written, side, channels, classes)).isEqualTo(spec);
  }
}
