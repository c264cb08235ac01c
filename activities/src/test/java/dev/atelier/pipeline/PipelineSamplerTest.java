package dev.atelier.pipeline;

import static dev.atelier.pipeline.PipelineFixture.assertClose;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.network.NetworkForm;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.pipeline.PipelineSampler.Request;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.TrainingSpec.Precision;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole pipelines against diffusers; the fixtures come from pipeline_fixtures.py. */
class PipelineSamplerTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path directory;
  private final List<PipelineSampler> opened = new ArrayList<>();

  @AfterEach
  void close() {
    opened.forEach(PipelineSampler::close);
  }

  private PipelineSampler sampler(DiffusersPipeline pipeline) {
    PipelineSampler sampler = new PipelineSampler(pipeline, "cpu", directory);
    opened.add(sampler);
    return sampler;
  }

  @ParameterizedTest
  @ValueSource(strings = {"sd1", "sd2"})
  void shouldPredictAsDiffusersDoesWhenToldATextsEmbedding(String name) throws Exception {
    Map<String, HostTensor> answers = PipelineFixture.answers(name);
    DiffusersPipeline pipeline =
        DiffusersPipeline.read(PipelineFixture.folder(name), Optional.empty());
    Path archive = directory.resolve("unet.pt");
    TorchScriptArchive.write(
        archive,
        pipeline
            .denoiser()
            .network()
            .inferenceModule(
                "UNet", pipeline.denoiser().tensors(), NetworkForm.CPU, Precision.FP32));
    try (TorchModule module = Libtorch.load(archive, "cpu", TorchModule.Mode.INFERENCE)) {
      HostTensor eps =
          module.forward(
              answers.get("latents"),
              answers.get("t"),
              answers.get("last_hidden_state").rows(0, 2));
      assertClose(eps, answers.get("eps"), 1e-5f);
    }
  }

  @ParameterizedTest
  @CsvSource({"sd1, pndm", "sd1, ddim", "sd2, ddim", "sd2, pndm"})
  void shouldMakeTheImagesOfDiffusersWhenItHasTheSameLatentsAndPrompts(
      String name, String scheduler) throws Exception {
    SafetensorsFile fixture = SafetensorsFile.read(PipelineFixture.folder(name + ".safetensors"));
    Path root = copy(name);
    Path other = root.resolve("scheduler-" + scheduler);
    if (Files.exists(other)) {
      Files.copy(
          other.resolve("scheduler_config.json"),
          Files.createDirectories(root.resolve("scheduler")).resolve("scheduler_config.json"),
          java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    }
    DiffusersPipeline pipeline = DiffusersPipeline.read(root, Optional.empty());
    SamplerSpec sampler =
        pipeline.denoiser().sampler(Integer.parseInt(fixture.metadata().get("steps")));
    List<String> prompts =
        JSON.readerForListOf(String.class).readValue(fixture.metadata().get("prompts"));
    Request request =
        new Request(
            prompts,
            fixture.metadata().get("negative"),
            List.of(),
            Double.parseDouble(fixture.metadata().get("guidance")),
            sampler,
            fixture.tensors().get("latents"),
            0,
            0);

    assertPixels(sampler(pipeline).sample(request), fixture.tensors().get("images_" + scheduler));
  }

  /** The latter uint8 [N, H, W, C]. */
  private static void assertPixels(HostTensor images, HostTensor theirs) {
    byte[] expected = new byte[(int) images.elements()];
    theirs.data().get(expected);
    byte[] found = PipelineSampler.pixels(images.channelsLast());
    for (int i = 0; i < expected.length; i++) {
      assertThat(Math.abs((found[i] & 0xff) - (expected[i] & 0xff))).isLessThanOrEqualTo(1);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"dit", "ddpm"})
  void shouldMakeTheImagesOfDiffusersWhenThePipelineReadsNoTexts(String name) throws Exception {
    SafetensorsFile fixture = SafetensorsFile.read(PipelineFixture.folder(name + ".safetensors"));
    Map<String, String> asked = fixture.metadata();
    DiffusersPipeline pipeline =
        DiffusersPipeline.read(PipelineFixture.folder(name), Optional.empty());
    Request request =
        new Request(
            List.of(),
            "",
            JSON.readerForListOf(Integer.class).readValue(asked.getOrDefault("classes", "[]")),
            Double.parseDouble(asked.getOrDefault("guidance", "1")),
            pipeline.denoiser().sampler(Integer.parseInt(asked.get("steps"))),
            fixture.tensors().get("latents"),
            0,
            0);
    assertPixels(sampler(pipeline).sample(request), fixture.tensors().get("images"));
  }

  @Test
  void shouldMakeTheSameImageWhateverElseIsInItsBatch() throws Exception {
    DiffusersPipeline pipeline =
        DiffusersPipeline.read(PipelineFixture.folder("sd1"), Optional.empty());
    PipelineSampler sampler = sampler(pipeline);
    HostTensor both =
        sampler.sample(request(pipeline, List.of("a cat", "dogs"), 7.5, sampler.noise(0, 2, 3)));
    HostTensor one =
        sampler.sample(request(pipeline, List.of("dogs"), 7.5, sampler.noise(1, 1, 3)));
    assertClose(one, both.rows(1, 2), 1e-4f);
  }

  @Test
  void shouldMakeOtherImagesWhenThePromptsAreOthers() throws Exception {
    DiffusersPipeline pipeline =
        DiffusersPipeline.read(PipelineFixture.folder("sd1"), Optional.empty());
    PipelineSampler sampler = sampler(pipeline);
    HostTensor noise = sampler.noise(0, 1, 7);
    float[] cat = sampler.sample(request(pipeline, List.of("a cat"), 7.5, noise)).toFloats();
    assertThat(sampler.sample(request(pipeline, List.of("a cat"), 7.5, noise)).toFloats())
        .isEqualTo(cat);
    assertThat(sampler.sample(request(pipeline, List.of("two dogs"), 7.5, noise)).toFloats())
        .isNotEqualTo(cat);
    assertThat(sampler.sample(request(pipeline, List.of("a cat"), 1, noise)).toFloats())
        .isNotEqualTo(cat);
  }

  @Test
  void shouldSayWhatItNeedsWhenItIsAskedForSomethingElse() throws Exception {
    DiffusersPipeline pipeline =
        DiffusersPipeline.read(PipelineFixture.folder("sd1"), Optional.empty());
    PipelineSampler sampler = sampler(pipeline);
    HostTensor noise = sampler.noise(0, 2, 7);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> sampler.sample(request(pipeline, List.of("a cat"), 7.5, noise)))
        .withMessage("The pipeline needs 2 prompts, one for each image, found 1.");
    Request classes =
        new Request(
            List.of("a", "b"), "", List.of(1, 2), 7.5, pipeline.denoiser().sampler(4), noise, 0, 0);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> sampler.sample(classes))
        .withMessage("The pipeline needs no classes, as it has none, found 2.");
  }

  @Test
  void shouldRefuseGuidanceOfAPipelineThatIsToldNothing() throws Exception {
    DiffusersPipeline pipeline =
        DiffusersPipeline.read(PipelineFixture.folder("ddpm"), Optional.empty());
    PipelineSampler sampler = sampler(pipeline);
    Request guided =
        new Request(
            List.of(),
            "",
            List.of(),
            3,
            pipeline.denoiser().sampler(4),
            sampler.noise(0, 1, 7),
            0,
            0);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> sampler.sample(guided))
        .withMessage(
            "The pipeline needs guidance of at most 1, as it knows nothing without a text or a"
                + " class, found 3.0.");
  }

  private static Request request(
      DiffusersPipeline pipeline, List<String> prompts, double guidance, HostTensor noise) {
    return new Request(
        prompts, "", List.of(), guidance, pipeline.denoiser().sampler(4), noise, 0, 0);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "text_encoder | unet reads texts, so that the folder needs text_encoder and tokenizer,"
            + " found no text_encoder",
        "tokenizer | unet reads texts, so that the folder needs text_encoder and tokenizer, found"
            + " no tokenizer",
        "scheduler | expected scheduler/scheduler_config.json, found none",
      })
  void shouldNameThePartThatIsMissing(String part, String clause) throws Exception {
    Path root = copy("sd1");
    delete(root.resolve(part));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> DiffusersPipeline.read(root, Optional.empty()))
        .withMessage(clause);
  }

  @Test
  void shouldSayWhichPartsDoNotFitEachOther() throws Exception {
    Path root = copy("sd1");
    delete(root.resolve("text_encoder"));
    PipelineFixture.copy("sd2/text_encoder", root);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> DiffusersPipeline.read(root, Optional.empty()))
        .withMessage(
            "hidden_size of text_encoder/config.json is 12, but cross_attention_dim of"
                + " unet/config.json is 8");
    Files.createDirectory(root.resolve("text_encoder_2"));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> DiffusersPipeline.read(root, Optional.empty()))
        .withMessage(
            "it has the part 'text_encoder_2', supported beside the network: vae, text_encoder and"
                + " tokenizer");
  }

  private Path copy(String name) throws IOException {
    Path from = PipelineFixture.folder(name);
    Path to = directory.resolve("copy");
    Files.walkFileTree(
        from,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Path copy = to.resolve(from.relativize(file).toString());
            Files.createDirectories(copy.getParent());
            Files.copy(file, copy);
            return FileVisitResult.CONTINUE;
          }
        });
    return to;
  }

  private static void delete(Path folder) throws IOException {
    try (var files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(folder);
  }
}
