package dev.atelier.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SpecFileTest {

  @TempDir private Path folder;

  @Test
  void shouldSetFieldsAtAnyDepthWithTheirType() throws Exception {
    JsonNode spec =
        read(
            "teacher: {training: {steps: 5}}\n",
            Map.of(
                "teacher.training.steps", "7",
                "students.training.learningRate", "1e-3",
                "labels.kind", "mine",
                "teacher.network.multipliers", "[1, 2]"));

    assertThat(spec.at("/teacher/training/steps").intValue()).isEqualTo(7);
    assertThat(spec.at("/students/training/learningRate").asDouble()).isEqualTo(1e-3);
    assertThat(spec.at("/labels/kind").textValue()).isEqualTo("mine");
    assertThat(spec.at("/teacher/network/multipliers")).hasSize(2);
  }

  @Test
  void shouldRefuseToSetAFieldBelowAValue() {
    assertThatThrownBy(() -> read("name: x\n", Map.of("name.first", "y")))
        .isInstanceOf(CommandFailure.class)
        .hasMessage("--set name.first: 'name' is no group of fields in this spec.");
  }

  @Test
  void shouldMakeRelativePathsOfExistingFilesAbsolute() throws Exception {
    Files.createFile(folder.resolve("images.zip"));

    JsonNode spec =
        read(
            "dataset: {source: images.zip}\nevaluation: {extractor: {source: random-conv}}\n",
            Map.of());

    assertThat(spec.at("/dataset/source").textValue())
        .isEqualTo(folder.resolve("images.zip").toString());
    assertThat(spec.at("/evaluation/extractor/source").textValue()).isEqualTo("random-conv");
  }

  @Test
  void shouldSendTheTextAsItIsWhenNothingChanges() throws Exception {
    String text = "name: x # why\ndataset: {source: 's3://bucket/a b'}\n";

    assertThat(SpecFile.read(write(text), Map.of(), folder)).isEqualTo(text);
  }

  @Test
  void shouldLeaveBrokenYamlToTheServer() throws Exception {
    String text = "name: [x\n";

    assertThat(SpecFile.read(write(text), Map.of("seed", "1"), folder)).isEqualTo(text);
  }

  private JsonNode read(String text, Map<String, String> changes) throws Exception {
    return new YAMLMapper().readTree(SpecFile.read(write(text), changes, folder));
  }

  private Path write(String text) throws IOException {
    return Files.writeString(folder.resolve("spec.yaml"), text);
  }
}
