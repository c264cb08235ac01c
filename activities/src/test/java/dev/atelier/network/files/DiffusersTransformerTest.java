package dev.atelier.network.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.atelier.network.Network;
import dev.atelier.network.files.TeacherImport.Expected;
import dev.atelier.network.files.TeacherImport.Weights;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.NetworkSpec.TransformerSpec;
import dev.atelier.spec.TeacherSpec;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The folder and its eps come from {@code dit_fixtures.py}. */
class DiffusersTransformerTest {

  @TempDir Path directory;

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final TransformerSpec SIGMA = new TransformerSpec(2, 1, 2, 4, 1e-5, true);

  private static Path folder() throws Exception {
    return Path.of(DiffusersTransformerTest.class.getResource("/network/dit").toURI());
  }

  private static ObjectNode theirs() throws Exception {
    return (ObjectNode)
        JSON.readTree(folder().resolve("transformer").resolve("config.json").toFile());
  }

  @Test
  void shouldGiveTheEpsOfDiffusersWhenItsFolderIsImported() throws Exception {
    Expected expected =
        new Expected(
            TeacherSpec.DEFAULT_NETWORK, 8, 3, 4, new DiffusionSpec(null, null, null, null));
    Weights teacher =
        (Weights) TeacherImport.read(folder(), "the source", expected, "cpu", directory);
    assertThat(teacher.network().spec()).isEqualTo(NetworkSpec.of(SIGMA));

    Map<String, HostTensor> theirs =
        SafetensorsFile.read(folder().resolve("eps.safetensors")).tensors();
    Path archive = directory.resolve("eps.pt");
    TorchScriptArchive.write(archive, teacher.network().inferenceModule("DiT", teacher.tensors()));
    try (TorchModule module = Libtorch.load(archive, "cpu", TorchModule.Mode.INFERENCE)) {
      float[] eps = module.forward(theirs.get("x"), theirs.get("t"), theirs.get("y")).toFloats();
      float[] wanted = theirs.get("eps").toFloats();
      assertThat(eps).hasSameSizeAs(wanted);
      for (int i = 0; i < eps.length; i++) {
        assertThat(eps[i]).isCloseTo(wanted[i], within(1e-5f));
      }
    }
  }

  @Test
  void shouldWriteTheConfigThatDiffusersHas() throws Exception {
    Network network = Network.of(NetworkSpec.of(SIGMA), 8, 3, 4);
    ObjectNode written = DiffusersNetwork.config(network).orElseThrow();
    JsonNode theirs = theirs();
    assertThat(written.properties()).hasSizeGreaterThan(14);
    written
        .properties()
        .forEach(
            field -> {
              JsonNode expected = theirs.path(field.getKey());
              if (field.getValue().isNumber()) {
                assertThat(field.getValue().asDouble())
                    .as(field.getKey())
                    .isEqualTo(expected.asDouble());
              } else {
                assertThat(field.getValue()).as(field.getKey()).isEqualTo(expected);
              }
            });
    assertThat(DiffusersNetwork.network(written, 8, 3, 4)).isEqualTo(network.spec());
    assertThat(DiffusersNetwork.config(Network.of(NetworkSpec.of(SIGMA), 8, 3))).isEmpty();
  }

  @Test
  void shouldReadTheClassThatReleasedModelsWereSavedAs() throws Exception {
    ObjectNode released = theirs();
    released.put("_class_name", "Transformer2DModel");
    released.put("only_cross_attention", false).put("use_linear_projection", false);
    released.putNull("cross_attention_dim").putNull("num_vector_embeds");
    assertThat(DiffusersNetwork.network(released, 8, 3, 4)).isEqualTo(NetworkSpec.of(SIGMA));
  }

  /** As training scripts leave it in {@code transformer_ema}. */
  @Test
  void shouldReadAMovingAverageWithTheFieldsOfItsOwn() throws Exception {
    ObjectNode average = theirs();
    average.put("decay", 0.9999).put("min_decay", 0.0).put("optimization_step", 10);
    average.put("inv_gamma", 1.0).put("power", 0.75);
    average.put("update_after_step", 0).put("use_ema_warmup", true);
    assertThat(DiffusersNetwork.network(average, 8, 3, 4)).isEqualTo(NetworkSpec.of(SIGMA));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          norm_type              | "layer_norm" | norm_type is "layer_norm", supported: "ada_norm_zero"
          activation_fn          | "geglu"      | activation_fn is "geglu", supported: "gelu-approximate"
          sample_size            | 16           | sample_size is 16, supported: dataset.resolution 8
          in_channels            | 4            | in_channels is 4, supported: the images' 3 channels
          out_channels           | 9            | out_channels is 9, supported: the images' 3 channels, or twice as many with a learned sigma
          num_embeds_ada_norm    | 5            | num_embeds_ada_norm is 5, supported: the dataset's 4 classes
          patch_size             | 3            | patch_size is 3, supported: a divisor of dataset.resolution 8
          attention_head_dim     | 3            | attention_head_dim is 3, supported: one that, times num_attention_heads, is divisible by 4
          dropout                | 0.1          | dropout is 0.1, supported: 0.0
          caption_channels       | 64           | caption_channels is 64, supported: no such field
          """)
  void shouldNameTheFieldThatIsNotSupported(String field, String value, String fault)
      throws Exception {
    ObjectNode config = theirs();
    config.set(field, JSON.readTree(value));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> DiffusersNetwork.network(config, 8, 3, 4))
        .withMessageContaining(fault);
  }

  @Test
  void shouldSayThatADiTWantsClasses() throws Exception {
    JsonNode config = theirs();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> DiffusersNetwork.network(config, 8, 3, 0))
        .withMessageContaining(
            "num_embeds_ada_norm is 4, supported: a class-conditional dataset, as every DiT of diffusers is");
  }
}
