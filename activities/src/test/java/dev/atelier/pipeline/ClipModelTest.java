package dev.atelier.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.atelier.ClipFixture;
import dev.atelier.network.tensors.HostTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Against CLIPModel, CLIPTokenizer and CLIPImageProcessor of transformers; clip_fixture.py. */
class ClipModelTest {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int[] SIZES = {32, 64, 45, 256, 20};

  @TempDir Path directory;

  private static Path copy(Path to) throws IOException {
    try (Stream<Path> files = Files.list(ClipFixture.model())) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(file.getFileName().toString()));
      }
    }
    return to;
  }

  private static void set(Path file, String pointer, String json) throws IOException {
    ObjectNode config = (ObjectNode) JSON.readTree(file.toFile());
    int slash = pointer.lastIndexOf('/');
    ((ObjectNode) config.at(pointer.substring(0, slash)))
        .set(pointer.substring(slash + 1), JSON.readTree(json));
    JSON.writeValue(file.toFile(), config);
  }

  @Test
  void shouldShowTheNetworkWhatTransformersShowsIt() throws Exception {
    ClipPictures pictures = ClipPictures.read(ClipFixture.model());
    Path odd = copy(directory);
    set(odd.resolve("preprocessor_config.json"), "/size", "19");
    ClipPictures oddPictures = ClipPictures.read(odd);
    Map<String, HostTensor> answers = ClipFixture.answers().tensors();
    for (int i = 0; i < SIZES.length; i++) {
      int size = SIZES[i];
      assertThat(pictures.prepare(ClipFixture.picture(size, i), 1, 3, size).toFloats())
          .as("%d pixels", size)
          .containsExactly(answers.get("pixels_" + size).toFloats(), within(1e-5f));
      if (i < 3) {
        assertThat(oddPictures.prepare(ClipFixture.picture(size, i), 1, 3, size).toFloats())
            .as("%d pixels, an odd rest", size)
            .containsExactly(answers.get("pixels_odd_" + size).toFloats(), within(1e-5f));
      }
    }
  }

  @Test
  void shouldEmbedAsTransformersDoes() throws Exception {
    Map<String, HostTensor> answers = ClipFixture.answers().tensors();
    ClipModel model = ClipModel.read(ClipFixture.model());
    assertThat(model.dimension()).isEqualTo(6);
    try (ClipModel.Encoder encoder = model.load("cpu", directory)) {
      assertThat(encoder.embedTexts(texts()))
          .containsExactly(answers.get("text_embeds").toFloats(), within(1e-5f));
      for (int i = 0; i < SIZES.length; i++) {
        assertThat(encoder.embedImages(ClipFixture.picture(SIZES[i], i), 1, 3, SIZES[i]))
            .containsExactly(answers.get("image_embeds").rows(i, i + 1).toFloats(), within(1e-5f));
      }
    }
  }

  private static List<String> texts() throws IOException {
    List<String> texts = new ArrayList<>();
    for (JsonNode text : JSON.readTree(ClipFixture.answers().metadata().get("texts"))) {
      texts.add(text.asText());
    }
    return texts;
  }

  @Test
  void shouldShowGreyPicturesAsColouredOnes() throws Exception {
    byte[] grey = new byte[32 * 32];
    System.arraycopy(ClipFixture.picture(32, 0), 0, grey, 0, grey.length);
    byte[] coloured = new byte[3 * grey.length];
    for (int c = 0; c < 3; c++) {
      System.arraycopy(grey, 0, coloured, c * grey.length, grey.length);
    }
    ClipPictures pictures = ClipPictures.read(ClipFixture.model());
    assertThat(pictures.prepare(grey, 1, 1, 32).toFloats())
        .isEqualTo(pictures.prepare(coloured, 1, 3, 32).toFloats());
  }

  @Test
  void shouldSayWhichTextsItCuts() throws Exception {
    ClipModel model = ClipModel.read(ClipFixture.model());
    assertThat(texts().stream().map(model::cuts)).containsExactly(false, false, false, false, true);
  }

  /** What transformers 4 and 5 write beside, and instead of, the fixture's files. */
  @Test
  void shouldReadFoldersOfEveryVersion() throws Exception {
    Path folder = copy(directory);
    for (String field : List.of("id2label", "top_k", "torchscript", "eos_token_id")) {
      set(folder.resolve("config.json"), "/vision_config/" + field, "1");
    }
    JsonNode text = JSON.readTree(folder.resolve("config.json").toFile()).get("text_config");
    ((ObjectNode) text).remove("model_type");
    set(folder.resolve("config.json"), "/text_config_dict", text.toString());
    set(folder.resolve("config.json"), "/text_config", "{\"hidden_size\": 512}");
    JsonNode pictures = JSON.readTree(folder.resolve("preprocessor_config.json").toFile());
    Files.delete(folder.resolve("preprocessor_config.json"));
    JSON.writeValue(
        folder.resolve("processor_config.json").toFile(), Map.of("image_processor", pictures));
    try (ClipModel.Encoder encoder = ClipModel.read(folder).load("cpu", directory)) {
      assertThat(encoder.embedTexts(texts()))
          .containsExactly(
              ClipFixture.answers().tensors().get("text_embeds").toFloats(), within(1e-5f));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '^',
      value = {
        "config.json ^ /model_type ^ \"siglip\" ^ config.json: model_type is \"siglip\", supported: \"clip\"",
        "config.json ^ /text_config ^ null ^ config.json: text_config is null, supported: an object",
        "config.json ^ /pooling ^ 1 ^ config.json: pooling is 1, supported: no such field",
        "config.json ^ /projection_dim ^ 8 ^ expected text_projection.weight of 8 rows, as projection_dim of config.json says, found F32[6, 8]",
        "config.json ^ /text_config/hidden_act ^ \"relu\" ^ text_config of config.json: hidden_act is \"relu\", supported: \"quick_gelu\" or \"gelu\"",
        "config.json ^ /vision_config/model_type ^ \"vit\" ^ vision_config of config.json: model_type is \"vit\", supported: \"clip_vision_model\"",
        "config.json ^ /vision_config/num_hidden_layers ^ 2 ^ vision_model.encoder.layers.1.layer_norm1.weight is missing",
        "preprocessor_config.json ^ /resample ^ 2 ^ preprocessor_config.json: resample is 2, supported: 3",
        "preprocessor_config.json ^ /do_center_crop ^ false ^ do_center_crop is false, supported: true",
        "preprocessor_config.json ^ /size ^ {\"shortest_edge\": 12} ^ supported: at most size, 12",
        "preprocessor_config.json ^ /size ^ {\"height\": 20, \"width\": 24} ^ size is {\"height\":20,\"width\":24}, supported: a square of 1 to 4096 pixels per side",
        "preprocessor_config.json ^ /crop_size ^ 18 ^ crop_size of preprocessor_config.json is 18 pixels per side of 3 channels, but image_size of config.json is 16 and num_channels 3",
        "preprocessor_config.json ^ /image_std ^ [1, 0, 1] ^ image_std is [1,0,1], supported: 3 numbers",
        "preprocessor_config.json ^ /rescale_factor ^ 1 ^ rescale_factor is 1, supported: 1/255",
        "preprocessor_config.json ^ /image_processor_type ^ \"ViTImageProcessor\" ^ supported: \"CLIPImageProcessor\"",
        "preprocessor_config.json ^ /do_pad ^ true ^ do_pad is true, supported: no such field",
        "tokenizer_config.json ^ /model_max_length ^ 64 ^ the tokenizer's model_max_length is 64, but max_position_embeddings of text_config of config.json is 77",
      })
  void shouldNameWhatDoesNotFit(String file, String pointer, String value, String fault)
      throws Exception {
    set(copy(directory).resolve(file), pointer, value);
    assertThatThrownBy(() -> ClipModel.read(directory))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(fault);
  }

  @ParameterizedTest
  @ValueSource(strings = {"text_projection.weight", "visual_projection.weight"})
  void shouldRefuseModelsWithoutProjections(String name) throws Exception {
    PipelineFixture.change(
        copy(directory).resolve("model.safetensors"),
        tensors -> {
          tensors.remove(name);
          return tensors;
        });
    assertThatThrownBy(() -> ClipModel.read(directory))
        .hasMessage(
            "expected %s of 6 rows, as projection_dim of config.json says, found none", name);
  }

  @Test
  void shouldNameTensorsOfOtherModels() throws Exception {
    PipelineFixture.change(
        copy(directory).resolve("model.safetensors"),
        PipelineFixture.renamed(name -> name.replace("logit_scale", "logit_bias")));
    assertThatThrownBy(() -> ClipModel.read(directory))
        .hasMessage("the weights have what no CLIPModel has: logit_bias");
  }

  @Test
  void shouldChooseTheFilesThatAreRead() {
    assertThat(
            ClipModel.choose(
                List.of(
                    "README.md",
                    "config.json",
                    "flax_model.msgpack",
                    "merges.txt",
                    "model.safetensors",
                    "onnx/model.safetensors",
                    "preprocessor_config.json",
                    "pytorch_model.bin",
                    "vocab.json")))
        .containsExactly(
            "config.json",
            "preprocessor_config.json",
            "vocab.json",
            "merges.txt",
            "model.safetensors");
    assertThatThrownBy(() -> ClipModel.choose(List.of("config.json", "pytorch_model.bin")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("found only pytorch_model.bin");
  }
}
