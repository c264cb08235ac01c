package dev.atelier.pipeline;

import static dev.atelier.pipeline.PipelineFixture.assertClose;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Against CLIPTextModel of transformers; the fixtures: pipeline_fixtures.py. */
class ClipTextTest {

  @TempDir Path directory;

  /** sd1: quick_gelu, and the end is the largest id; sd2: gelu, in float16. */
  @ParameterizedTest
  @ValueSource(strings = {"sd1", "sd2"})
  void shouldEqualTransformersFromTheTextOn(String name) throws Exception {
    Path root = PipelineFixture.folder(name);
    ClipTokenizer tokenizer = ClipTokenizer.read(root.resolve("tokenizer"));
    ClipText text = ClipText.read(root, "text_encoder", Optional.empty());
    text.check(tokenizer);
    check(text, ids(tokenizer, name), name);
  }

  private static int[][] ids(ClipTokenizer tokenizer, String name) throws Exception {
    Map<String, String> metadata =
        SafetensorsFile.read(PipelineFixture.folder(name + ".safetensors")).metadata();
    List<int[]> ids = new ArrayList<>();
    for (JsonNode prompt : new ObjectMapper().readTree(metadata.get("prompts"))) {
      ids.add(tokenizer.paddedIds(prompt.asText()));
    }
    ids.add(tokenizer.paddedIds(metadata.get("negative")));
    ids.add(tokenizer.paddedIds(""));
    return ids.toArray(int[][]::new);
  }

  private void check(ClipText text, int[][] ids, String name) throws Exception {
    Map<String, HostTensor> answers = PipelineFixture.answers(name);
    try (ClipText.Encoder encoder = text.load("cpu", directory)) {
      ClipText.Embedding embedding = encoder.encode(ids);
      assertClose(embedding.lastHiddenState(), answers.get("last_hidden_state"), 1e-5f);
      assertClose(embedding.pooled(), answers.get("pooled"), 1e-5f);
    }
    assertThat(text.width()).isEqualTo((int) answers.get("pooled").shape()[1]);
  }

  @Test
  void shouldReadTheNamesAndBuffersOfTransformers4() throws Exception {
    Path folder = PipelineFixture.copy("sd1/text_encoder", directory.resolve("old"));
    PipelineFixture.change(
        folder.resolve("model.safetensors"),
        tensors -> {
          Map<String, HostTensor> old =
              PipelineFixture.renamed(name -> "text_model." + name).apply(tensors);
          old.put(
              "text_model.embeddings.position_ids", HostTensor.zeros(HostTensor.DType.I64, 1, 77));
          return old;
        });
    ClipTokenizer tokenizer = ClipTokenizer.read(PipelineFixture.folder("sd1/tokenizer"));
    check(
        ClipText.read(directory.resolve("old"), "text_encoder", Optional.empty()),
        ids(tokenizer, "sd1"),
        "sd1");
  }

  @Test
  void shouldRefuseIdsThatItHasNoEmbeddingFor() throws Exception {
    ClipText text = ClipText.read(PipelineFixture.folder("sd1"), "text_encoder", Optional.empty());
    try (ClipText.Encoder encoder = text.load("cpu", directory)) {
      int[] ids = new int[77];
      ids[3] = 714;
      assertThatThrownBy(() -> encoder.encode(ids))
          .hasMessage("Expected ids from 0 to 713, found 714.");
      assertThatThrownBy(() -> encoder.encode(new int[76]))
          .hasMessage("Expected 77 ids of a text, found 76.");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '^',
      value = {
        "vocab_size ^ 49408 ^ embeddings.token_embedding.weight: expected F32[49408, 8], found F32[714, 8]",
        "num_hidden_layers ^ 1 ^ text_model.encoder.layers.1.layer_norm1.bias is unknown",
        "num_hidden_layers ^ 3 ^ text_model.encoder.layers.2.layer_norm1.weight is missing",
        "num_attention_heads ^ 3 ^ num_attention_heads is 3, supported: a divisor of hidden_size 8",
        "hidden_act ^ \"relu\" ^ hidden_act is \"relu\", supported: \"quick_gelu\" or \"gelu\"",
        "model_type ^ \"t5\" ^ model_type is \"t5\", supported: \"clip_text_model\"",
        "layer_norm_eps ^ 0 ^ layer_norm_eps is 0, supported: a number above 0",
        "rope_theta ^ 1 ^ rope_theta is 1, supported: no such field",
        "eos_token_id ^ [713] ^ eos_token_id is [713], supported: a whole number from 0 to 713",
      })
  void shouldNameWhatDoesNotFit(String field, String value, String fault) throws Exception {
    PipelineFixture.set(PipelineFixture.copy("sd1/text_encoder", directory), field, value);
    assertThatThrownBy(() -> ClipText.read(directory, "text_encoder", Optional.empty()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("text_encoder/config.json")
        .hasMessageContaining(fault);
  }

  @Test
  void shouldRefuseATokenizerOfAnotherVocabulary() throws Exception {
    Path tokens = PipelineFixture.copy("sd2/tokenizer", directory);
    ClipText text = ClipText.read(PipelineFixture.folder("sd2"), "text_encoder", Optional.empty());
    assertThatCode(() -> text.check(ClipTokenizer.read(tokens))).doesNotThrowAnyException();

    ObjectMapper json = new ObjectMapper();
    Path vocabulary = tokens.resolve("vocab.json");
    @SuppressWarnings("unchecked")
    Map<String, Integer> ids = json.readValue(vocabulary.toFile(), Map.class);
    ids.put("another</w>", 714);
    json.writeValue(vocabulary.toFile(), ids);
    assertThatThrownBy(() -> text.check(ClipTokenizer.read(tokens)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "the tokenizer has 715 tokens, but vocab_size of text_encoder/config.json is 714");

    ids.remove("another</w>");
    ids.put("<|startoftext|>", 713);
    ids.put("<|endoftext|>", 712);
    json.writeValue(vocabulary.toFile(), ids);
    assertThatThrownBy(() -> text.check(ClipTokenizer.read(tokens)))
        .hasMessage(
            "the tokenizer ends texts with the id 712, but eos_token_id of text_encoder/config.json is 713");
  }
}
