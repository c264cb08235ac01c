package dev.atelier.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Against transformers' CLIPTokenizer; the fixture is made by clip_tokenizer_fixture.py. */
class ClipTokenizerTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(strings = {"sd1", "sd2"})
  void shouldGiveTheIdsOfTransformersWhateverTheText(String name) throws Exception {
    ClipTokenizer tokenizer = ClipTokenizer.read(folder(name));
    JsonNode texts = answers(name).get("texts");
    assertThat(texts.size()).isGreaterThan(50);
    for (JsonNode text : texts) {
      assertThat(tokenizer.ids(text.get("text").asText()))
          .as(text.get("text").toString())
          .isEqualTo(ids(text.get("ids")));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"sd1", "sd2"})
  void shouldCutAndPadAsTransformersWhenTextsAreLongOrShort(String name) throws Exception {
    ClipTokenizer tokenizer = ClipTokenizer.read(folder(name));
    JsonNode padded = answers(name).get("padded");
    JsonNode texts = answers(name).get("texts");
    assertThat(padded.size()).isEqualTo(6);
    for (Map.Entry<String, JsonNode> answer : padded.properties()) {
      String text = texts.get(Integer.parseInt(answer.getKey())).get("text").asText();
      assertThat(tokenizer.paddedIds(text)).as(text).isEqualTo(ids(answer.getValue()));
    }
    assertThat(tokenizer.maxLength()).isEqualTo(77);
    assertThat(tokenizer.size()).isEqualTo(714);
    assertThat(tokenizer.end()).isEqualTo(713);
  }

  /** As transformers 5 saves it, without vocab.json and merges.txt. */
  @ParameterizedTest
  @CsvSource({"sd1, true", "sd2, true", "sd1, false"})
  void shouldGiveTheSameIdsWhenTheFolderHasATokenizerJson(String name, boolean pairs)
      throws Exception {
    Files.copy(
        folder(name).resolve("tokenizer_config.json"), directory.resolve("tokenizer_config.json"));
    ObjectNode whole = JSON.createObjectNode();
    boolean pads = name.equals("sd2");
    whole
        .putArray("added_tokens")
        .add(added(712, "<|startoftext|>", true))
        .add(added(713, "<|endoftext|>", pads))
        .add(pads ? added(0, "!", false) : added(712, "<|startoftext|>", true));
    ObjectNode model = whole.putObject("model").put("type", "BPE");
    model.set("vocab", JSON.readTree(folder(name).resolve("vocab.json").toFile()));
    List<String> lines = Files.readAllLines(folder(name).resolve("merges.txt"));
    for (String line : lines.subList(1, lines.size())) {
      if (pairs) {
        model.withArray("merges").addPOJO(line.split(" "));
      } else {
        model.withArray("merges").add(line);
      }
    }
    JSON.writeValue(directory.resolve("tokenizer.json").toFile(), whole);
    ClipTokenizer tokenizer = ClipTokenizer.read(directory);
    for (JsonNode text : answers(name).get("texts")) {
      assertThat(tokenizer.ids(text.get("text").asText())).isEqualTo(ids(text.get("ids")));
    }
  }

  @Test
  void shouldEncodeAVeryLongWordInTimeThatHardlyGrowsFasterThanIt() throws Exception {
    ClipTokenizer tokenizer = ClipTokenizer.read(folder("sd1"));
    assertThat(tokenizer.ids("photograph".repeat(100_000))).hasSizeLessThan(1_000_000);
  }

  @Test
  void shouldGiveTheUnknownTokenWhenTheVocabularyLacksAByte() throws Exception {
    copy("sd1");
    ObjectNode vocabulary = vocabulary();
    vocabulary.remove("~");
    vocabulary.put("<|endoftext|>", vocabulary.get("~</w>").asInt());
    vocabulary.remove("~</w>");
    ObjectNode renumbered = JSON.createObjectNode();
    vocabulary.fieldNames().forEachRemaining(token -> renumbered.put(token, renumbered.size()));
    JSON.writeValue(directory.resolve("vocab.json").toFile(), renumbered);
    ClipTokenizer tokenizer = ClipTokenizer.read(directory);
    assertThat(tokenizer.ids("~~"))
        .containsExactly(
            renumbered.get("<|startoftext|>").asInt(),
            tokenizer.end(),
            tokenizer.end(),
            tokenizer.end());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '^',
      value = {
        "merges.txt ^ ^ merges.txt, or tokenizer.json, in the folder",
        "vocab.json ^ ^ found no vocab.json",
        "tokenizer_config.json ^ ^ expected tokenizer_config.json in the folder",
        "vocab.json ^ [1] ^ vocab.json is [1], expected a JSON object",
        "vocab.json ^ {\"a\": 0, \"b\": 2} ^ the id of 'b' is 2, expected one from 0 to 1, as it has 2 tokens",
        "vocab.json ^ {\"a\": 0, \"b\": 0} ^ vocab.json: 'a' and 'b' have the same id 0",
        "vocab.json ^ {\"a\": 0 ^ vocab.json is no JSON",
        "vocab.json ^ {\"a\": 0} ^ vocab.json has no token '<|startoftext|>', which is a special one",
        "merges.txt ^ a b c ^ merges.txt: the merge 'a b c' has 3 parts, expected 2",
        "merges.txt ^ zz zz ^ its merge 'zz zz' needs the token 'zz', which its vocabulary lacks",
        "tokenizer_config.json ^ {\"tokenizer_class\": \"T5Tokenizer\"} ^ tokenizer_class is \"T5Tokenizer\", supported: CLIPTokenizer",
        "tokenizer_config.json ^ {} ^ model_max_length is missing, supported: a whole number from 2 to 4096",
        "special_tokens_map.json ^ {\"pad_token\": {\"content\": \"!\", \"lstrip\": true}} ^ the special token '!' has lstrip true, supported: false",
        "special_tokens_map.json ^ {\"pad_token\": null} ^ pad_token is null, expected a token",
        "tokenizer.json ^ {\"model\": {\"type\": \"WordPiece\"}} ^ tokenizer.json: model.type is \"WordPiece\", supported: \"BPE\"",
      })
  void shouldNameTheFileWhenItCannotBeRead(String file, String content, String fault)
      throws Exception {
    copy("sd1");
    if (content == null) {
      Files.delete(directory.resolve(file));
    } else {
      Files.writeString(directory.resolve(file), content);
    }
    assertThatThrownBy(() -> ClipTokenizer.read(directory))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(fault);
  }

  private static JsonNode added(int id, String content, boolean normalised) {
    return JSON.createObjectNode()
        .put("id", id)
        .put("content", content)
        .put("normalized", normalised)
        .put("special", true);
  }

  private ObjectNode vocabulary() throws IOException {
    return (ObjectNode) JSON.readTree(directory.resolve("vocab.json").toFile());
  }

  private void copy(String name) throws Exception {
    try (Stream<Path> files = Files.list(folder(name))) {
      for (Path file : files.toList()) {
        Files.copy(file, directory.resolve(file.getFileName().toString()));
      }
    }
  }

  private static Path folder(String name) throws Exception {
    return Path.of(ClipTokenizerTest.class.getResource("/pipeline/" + name + "/tokenizer").toURI());
  }

  private static JsonNode answers(String name) throws IOException {
    return JSON.readTree(ClipTokenizerTest.class.getResourceAsStream("/pipeline/tokens.json"))
        .get(name);
  }

  private static int[] ids(JsonNode ids) {
    int[] values = new int[ids.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = ids.get(i).asInt();
    }
    return values;
  }
}
