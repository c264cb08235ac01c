package dev.atelier.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.network.Network;
import dev.atelier.network.files.TeacherException;
import dev.atelier.network.files.TeacherImport.Expected;
import dev.atelier.network.files.TeacherImport.Imported;
import dev.atelier.network.files.TeacherImport.Tried;
import dev.atelier.network.files.TeacherImport.Weights;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.Prediction;
import dev.atelier.spec.TeacherSpec;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PipelineImportTest {
  @TempDir Path directory;

  private static Expected expected(int resolution, int channels, int classes, boolean clips) {
    return new Expected(
        TeacherSpec.DEFAULT_NETWORK,
        resolution,
        channels,
        classes,
        DiffusionSpec.OF_TEACHER,
        clips);
  }

  private Imported read(Path root, Expected expected) throws Exception {
    return PipelineImport.read(root, "the source", expected, "cpu", directory, Tried.NOW);
  }

  @Test
  void shouldTakeTheNetworkByTheImagesAndThePartsBesideIt() throws Exception {
    Weights sd1 = (Weights) read(PipelineFixture.folder("sd1"), expected(16, 3, 0, true));
    assertThat(sd1.network().resolution()).isEqualTo(8);
    assertThat(sd1.network().imageChannels()).isEqualTo(4);
    assertThat(sd1.diffusion().schedule()).isEqualTo(DiffusionSpec.Schedule.SCALED_LINEAR);
    assertThat(sd1.taken())
        .isEqualTo(
            "unet/diffusion_pytorch_model.safetensors, F32, with vae, text_encoder, tokenizer; its scheduler_config.json says diffusion: {timesteps: 1000, schedule: scaled-linear, betaStart: 8.5E-4, betaEnd: 0.012}");
    assertThat(sd1.parts())
        .containsExactly(
            "text_encoder/config.json",
            "text_encoder/model.safetensors",
            "tokenizer/merges.txt",
            "tokenizer/special_tokens_map.json",
            "tokenizer/tokenizer_config.json",
            "tokenizer/vocab.json",
            "vae/config.json",
            "vae/diffusion_pytorch_model.safetensors");
    NetworkSpec spec = sd1.network().spec();
    assertThat(Network.of(spec, 16, 3).weights()).isEqualTo(sd1.network().weights());

    Weights sd2 = (Weights) read(PipelineFixture.folder("sd2"), expected(16, 3, 0, false));
    assertThat(sd2.taken()).contains("F16, widened to F32", "prediction: v");
    assertThat(sd2.diffusion().teacherPredicts()).isEqualTo(Prediction.V);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "32 | 3 | 0 | it is for images of 16 pixels per side, but dataset.resolution is 32",
        "16 | 1 | 0 | it is for images of 3 channels, but the dataset has 1",
        "16 | 3 | 10 | it is for 0 classes, but the dataset has 10"
      })
  void shouldSayWhereItDoesNotFitTheExperiment(
      int resolution, int channels, int classes, String clause) {
    assertThatThrownBy(
            () ->
                read(PipelineFixture.folder("sd1"), expected(resolution, channels, classes, true)))
        .isInstanceOf(TeacherException.class)
        .hasMessage("Cannot import the teacher 'the source': %s.".formatted(clause));
  }

  @Test
  void shouldSayWhichSettingDisagreesWithItsScheduler() {
    assertThatThrownBy(() -> read(PipelineFixture.folder("sd2"), expected(16, 3, 0, true)))
        .hasMessageContaining("clip_sample is false, but evaluation.sampler.clip is true");
  }

  @Test
  void shouldRefuseATextNetworkWithoutItsTexts() throws Exception {
    Path root = directory.resolve("unet-alone");
    PipelineFixture.copy("sd1/unet", root);
    PipelineFixture.copy("sd1/scheduler", root);
    assertThatThrownBy(() -> read(root, expected(8, 4, 0, true)))
        .isInstanceOf(TeacherException.class)
        .hasMessageContaining(
            "unet reads texts, so that the folder needs text_encoder and tokenizer, found no text_encoder");
    PipelineFixture.copy("sd1/text_encoder", root);
    Path tokenizer = PipelineFixture.copy("sd1/tokenizer", root);
    String vocabulary = Files.readString(tokenizer.resolve("vocab.json"));
    Files.writeString(
        tokenizer.resolve("vocab.json"), vocabulary.replaceFirst("}\\s*$", ", \"another\": 714}"));
    assertThatThrownBy(() -> read(root, expected(8, 4, 0, true)))
        .hasMessageContaining(
            "the tokenizer has 715 tokens, but vocab_size of text_encoder/config.json is 714");
  }

  @Test
  void shouldLeaveAPipelineOfPixelsToTheImportOfNetworks() throws Exception {
    Path folder = Path.of(getClass().getResource("/network/diffusers").toURI());
    Weights pixels = (Weights) read(folder, expected(8, 3, 0, true));
    assertThat(pixels.parts()).isEmpty();
    assertThat(pixels.network().spec().latents()).isEqualTo(Optional.empty());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "unet/config.json | [] | config.json is [], expected a JSON object",
        "vae/config.json | '' | vae/config.json is empty, expected a JSON object",
        "vae/config.json | {} {} | vae/config.json is no JSON (Trailing token",
        "text_encoder/config.json | 7 | text_encoder/config.json is 7, expected a JSON object",
        "scheduler/scheduler_config.json | null | scheduler_config.json is null, expected a JSON object",
        "tokenizer/special_tokens_map.json | [{}] | special_tokens_map.json is [{}], expected a JSON object",
        "vae/config.json | {\"a\\nb\": 1} | vae/config.json: a is 1, supported: no such field",
        "vae/config.json | {\"scaling_factor\": 1e999} | scaling_factor is \"Infinity\", supported: a number above 0",
        "unet/diffusion_pytorch_model.safetensors | {} {} {} {} {} | unet/diffusion_pytorch_model.safetensors can't be read as safetensors: its header claims",
        "vae/diffusion_pytorch_model.safetensors | '' | vae/diffusion_pytorch_model.safetensors can't be read as safetensors: expected at least 8 bytes, found 0",
        "text_encoder/model.safetensors | PK | text_encoder/model.safetensors can't be read as safetensors: expected at least 8 bytes, found 2",
      })
  void shouldSayInASentenceWhichFileIsNotWhatItsNameSays(String file, String content, String clause)
      throws Exception {
    Path root = whole();
    Files.writeString(root.resolve(file), content);
    assertThatThrownBy(() -> read(root, expected(16, 3, 0, true)))
        .isInstanceOf(TeacherException.class)
        .hasMessageContaining(clause)
        .message()
        .doesNotContain("\n");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "unet/config.json",
        "vae/diffusion_pytorch_model.safetensors",
        "text_encoder/model.safetensors",
        "scheduler/scheduler_config.json",
        "tokenizer/merges.txt"
      })
  void shouldSayInASentenceThatAFileIsAFolder(String file) throws Exception {
    Path root = whole();
    Files.delete(root.resolve(file));
    Files.createDirectory(root.resolve(file));
    assertThatThrownBy(() -> read(root, expected(16, 3, 0, true)))
        .isInstanceOf(TeacherException.class)
        .hasMessageContaining(Path.of(file).getFileName() + " is no file");
  }

  @Test
  void shouldRefuseAFolderOfTwoNetworks() throws Exception {
    Path root = whole();
    PipelineFixture.copy("dit/transformer", root);
    assertThatThrownBy(() -> read(root, expected(16, 3, 0, true)))
        .isInstanceOf(TeacherException.class)
        .hasMessageContaining("it has the networks unet and transformer, expected one");
  }

  @Test
  void shouldRefuseATextNetworkOfWhichNoBlockReadsTexts() throws Exception {
    Path root = whole();
    Path config = root.resolve("unet/config.json");
    Files.writeString(
        config,
        Files.readString(config)
            .replace("\"CrossAttn", "\"")
            .replace("\"UNetMidBlock2DCrossAttn\"", "null"));
    assertThatThrownBy(() -> read(root, expected(16, 3, 0, true)))
        .isInstanceOf(TeacherException.class)
        .hasMessageContaining("config.json: none of its blocks attends to texts");
  }

  @Test
  void shouldRefuseATokenThatHasTwoIds() throws Exception {
    Path root = whole();
    Path config = root.resolve("tokenizer/tokenizer_config.json");
    Files.writeString(
        config,
        Files.readString(config)
            .replaceFirst("\\{", "{\"added_tokens_decoder\": {\"5\": {\"content\": \"!\"}},"));
    assertThatThrownBy(() -> read(root, expected(16, 3, 0, true)))
        .hasMessageContaining(
            "tokenizer_config.json: added_tokens_decoder gives '!' the id 5, but its vocabulary 0");
  }

  private Path whole() throws Exception {
    Path root = directory.resolve("whole");
    for (String part : List.of("unet", "vae", "text_encoder", "scheduler", "tokenizer")) {
      PipelineFixture.copy("sd1/" + part, root);
    }
    assertThat(read(root, expected(16, 3, 0, true)).taken()).contains("vae");
    return root;
  }
}
