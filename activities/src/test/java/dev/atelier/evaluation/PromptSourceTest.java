package dev.atelier.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PromptSourceTest {

  private static final String COCO =
      """
      {"info": {"annotations": [1]}, "images": [{"id": 9}],
       "annotations": [
         {"image_id": 9, "id": 1, "caption": "A cat.\\n"},
         {"image_id": 2, "id": 2, "caption": "Ein Löwe 🦁"},
         {"image_id": 9, "id": 3, "caption": "A black cat."},
         {"image_id": 5, "id": 4, "caption": " "}]}
      """;

  @TempDir Path directory;

  private PromptSource read(String name, String content) throws IOException {
    return PromptSource.read(Files.writeString(directory.resolve(name), content), name);
  }

  @Test
  void shouldReadAPromptOfEachLineAndCountWhatIsNone() throws Exception {
    PromptSource read =
        read("prompts.txt", "\uFEFFa red circle\r\n\n  кошка  \n" + "x".repeat(4097) + "\n \nend");
    assertThat(read.texts())
        .containsExactly(List.of("a red circle"), List.of("кошка"), List.of("end"));
    assertThat(read.empty()).isEqualTo(2);
    assertThat(read.tooLong()).isEqualTo(1);
  }

  @Test
  void shouldReadTheCaptionsOfCocoByImage() throws Exception {
    PromptSource read = read("captions.json", COCO);
    assertThat(read.texts())
        .containsExactly(List.of("Ein Löwe 🦁"), List.of("A cat.", "A black cat."));
    assertThat(read.empty()).isEqualTo(1);
    Path file = directory.resolve("stored.json");
    read.write(file);
    assertThat(PromptSource.stored(file).texts()).isEqualTo(read.texts());
  }

  @Test
  void shouldDrawEachOnceBeforeAnyTwiceAndTheSameForTheSameSeed() throws Exception {
    PromptSource source =
        read("many.txt", String.join("\n", IntStream.range(0, 50).mapToObj(i -> "p" + i).toList()));
    List<String> drawn = Prompts.of(source, 3).of(0, 125);
    assertThat(new HashSet<>(drawn.subList(0, 50))).hasSize(50);
    assertThat(new HashSet<>(drawn.subList(50, 100))).hasSize(50);
    assertThat(drawn.subList(50, 100)).isNotEqualTo(drawn.subList(0, 50));
    Prompts again = Prompts.of(source, 3);
    assertThat(again.of(124)).isEqualTo(drawn.get(124)); // whatever was asked for before
    assertThat(again.of(7)).isEqualTo(drawn.get(7));
    assertThat(Prompts.of(source, 4).of(0, 50)).isNotEqualTo(drawn.subList(0, 50));
  }

  @Test
  void shouldDrawOneCaptionOfEachImage() throws Exception {
    PromptSource source = read("captions.json", COCO);
    HashSet<String> seen = new HashSet<>();
    for (int seed = 0; seed < 20; seed++) {
      List<String> drawn = Prompts.of(source, seed).of(0, 2);
      assertThat(drawn).contains("Ein Löwe 🦁");
      seen.addAll(drawn);
    }
    assertThat(seen).containsExactlyInAnyOrder("Ein Löwe 🦁", "A cat.", "A black cat.");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '^',
      value = {
        "a.txt ^ '  ' ^ expected a text in each line, found none (1 are empty, 0 have more than 4096 characters)",
        "a.json ^ [] ^ has no array 'annotations': expected the annotations of COCO",
        "a.json ^ {\"images\": []} ^ has no array 'annotations': expected the annotations",
        "a.json ^ {\"annotations\": []} ^ expected a text in each of its annotations, found none",
        "a.json ^ {\"annotations\": [{\"image_id\": \"x\", \"caption\": \"y\"}]} ^ expected annotations with a number image_id and a text caption, found one of image_id x with 1 texts",
        "a.json ^ {\"annotations\": [{\"image_id\": 3, \"caption\": 4}]} ^ found one of image_id 3 with 0 texts",
        "a.json ^ {\"annotations\": [{ ^ ends early: its JSON is cut off",
        "a.json ^ {\"annotations\": [}] ^ is no JSON: it is damaged at line 1, column 18",
      })
  void shouldNameWhatIsNoFileOfPrompts(String name, String content, String fault) {
    assertThatThrownBy(() -> read(name, content))
        .isInstanceOf(EvaluationException.class)
        .hasMessageStartingWith("Cannot use the prompts '%s': ", name)
        .hasMessageContaining(fault);
  }

  @Test
  void shouldNameWhatIsNoText() {
    assertThatThrownBy(
            () ->
                PromptSource.read(
                    Files.write(
                        directory.resolve("a.txt"),
                        "caf\u00e9".getBytes(StandardCharsets.ISO_8859_1)),
                    "a.txt"))
        .hasMessage("Cannot use the prompts 'a.txt': it is no text in UTF-8.");
  }
}
