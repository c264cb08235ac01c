package dev.atelier.network;

import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.NetworkSpec.TransformerSpec;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Against {@code DiTTransformer2DModel} of diffusers; the fixtures: {@code dit_fixtures.py}. */
class DiTParityTest {
  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(strings = {"plain", "sigma", "grey", "pixels"})
  void shouldEqualDiffusersWhenWeightsAreTheSame(String name) throws Exception {
    SafetensorsFile fixture =
        SafetensorsFile.read(
            Path.of(getClass().getResource("/network/dit-" + name + ".safetensors").toURI()));
    Parity.check(network(fixture.metadata()), fixture, NetworkForm.PORTABLE, directory);
  }

  private static Network network(Map<String, String> m) {
    return Network.of(
        NetworkSpec.of(
            new TransformerSpec(
                Integer.valueOf(m.get("patchSize")),
                Integer.valueOf(m.get("layers")),
                Integer.valueOf(m.get("heads")),
                Integer.valueOf(m.get("headWidth")),
                Double.valueOf(m.get("normEps")),
                Boolean.valueOf(m.get("learnedSigma")))),
        Integer.parseInt(m.get("resolution")),
        Integer.parseInt(m.get("channels")),
        Integer.parseInt(m.get("classes")));
  }
}
