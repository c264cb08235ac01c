package dev.atelier.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.ClipFixture;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.workflows.vocabulary.Metric;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against torchmetrics and NumPy: clip_fixture.py. */
class ClipFiguresTest {

  private static final int[] SIZES = {32, 64, 45, 256, 20};

  @TempDir Path directory;
  private final LinearAlgebra algebra = new LinearAlgebra();

  @AfterEach
  void close() {
    algebra.close();
  }

  private static List<String> texts() throws IOException {
    List<String> texts = new ArrayList<>();
    for (JsonNode text :
        new ObjectMapper().readTree(ClipFixture.answers().metadata().get("texts"))) {
      texts.add(text.asText());
    }
    return texts;
  }

  private ClipRows judged(List<String> texts) throws IOException {
    try (ClipJudge judge = ClipJudge.open(ClipFixture.model(), "tiny", "cpu", directory)) {
      ClipRows rows = judge.rows(SIZES.length, true);
      for (int i = 0; i < SIZES.length; i++) {
        judge.judge(ClipFixture.picture(SIZES[i], i), 1, 3, SIZES[i], List.of(texts.get(i)), rows);
      }
      return rows;
    }
  }

  @Test
  void shouldScoreAsTorchmetricsDoes() throws Exception {
    ClipRows rows = judged(texts());
    float[] expected = ClipFixture.answers().tensors().get("per_sample").toFloats();
    for (int i = 0; i < expected.length; i++) { // to 1e-5 of 100
      assertThat(rows.scores()[i]).as("sample %d", i).isCloseTo(expected[i], within(1e-3f));
    }
    assertThat(ClipComparison.of(rows, rows, algebra).figures().get(Metric.CLIP_SCORE))
        .isCloseTo(
            Double.parseDouble(ClipFixture.answers().metadata().get("clip_score")), within(1e-3));
  }

  @Test
  void shouldScoreOtherwiseWhenPromptsAreOthers() throws Exception {
    List<String> shuffled = new ArrayList<>(texts());
    Collections.rotate(shuffled, 1);
    assertThat(ClipComparison.score(judged(shuffled).scores()))
        .isNotCloseTo(ClipComparison.score(judged(texts()).scores()), within(1.0));
  }

  @Test
  void shouldNeverScoreBelowZero() {
    assertThat(ClipComparison.score(new float[] {-30, 10, -1})).isZero();
    assertThat(ClipComparison.score(new float[] {-1, 10, 30})).isEqualTo(13);
  }

  @Test
  void shouldBeAsFarApartAsNumPySaysHoweverManyRowsAreHeldAtOnce() throws Exception {
    ClipRows x = rows(ClipFixture.answers().tensors().get("x"));
    ClipRows y = rows(ClipFixture.answers().tensors().get("y"));
    double expected = Double.parseDouble(ClipFixture.answers().metadata().get("cmmd"));
    assertThat(ClipDistance.between(x, y, algebra)).isCloseTo(expected, within(1e-9));
    assertThat(ClipDistance.between(x, y, 7, 5, algebra)).isCloseTo(expected, within(1e-9));
    assertThat(ClipDistance.between(x, x, algebra)).isCloseTo(0, within(1e-12));
  }

  private static ClipRows rows(HostTensor tensor) {
    int n = (int) tensor.shape()[0];
    ClipRows rows = new ClipRows(n, (int) tensor.shape()[1], false);
    rows.add(tensor.toFloats(), new float[0]);
    return rows;
  }

  @Test
  void shouldKeepRowsEvenlySpreadWhenThereAreTooMany() {
    ClipRows rows = new ClipRows(10, 1, false);
    rows.add(new float[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, new float[0]);
    assertThat(rows.atMost(4).tensor(0, 4).toFloats()).containsExactly(0, 2, 5, 7);
    assertThat(rows.atMost(10)).isSameAs(rows);
  }

  @Test
  void shouldReadWhatItWrote() throws Exception {
    ClipRows rows = judged(texts());
    Path file = directory.resolve("rows.safetensors");
    rows.write(file);
    ClipRows read = ClipRows.read(file);
    assertThat(read.scores()).isEqualTo(rows.scores());
    assertThat(read.tensor(0, 5).toFloats()).isEqualTo(rows.tensor(0, 5).toFloats());
    ClipRows twice = ClipRows.together(List.of(rows, read));
    assertThat(twice.count()).isEqualTo(10);
    assertThat(twice.tensor(5, 10).toFloats()).isEqualTo(rows.tensor(0, 5).toFloats());
  }

  @Test
  void shouldNameWhatIsNoClipModel() throws Exception {
    assertThatThrownBy(() -> ClipModelCheck.check(directory, "mine", directory))
        .isInstanceOf(ExtractorException.class)
        .hasMessage("The CLIP model 'mine' cannot be used: expected config.json, found none.");
    Files.writeString(directory.resolve("config.json"), "{\"model_type\": \"siglip\"}");
    assertThatThrownBy(() -> ClipModelCheck.check(directory, "mine", directory))
        .hasMessage(
            "The CLIP model 'mine' cannot be used: config.json: model_type is \"siglip\", supported: \"clip\".");
    ClipModelCheck.check(ClipFixture.model(), "tiny", directory);
  }
}
