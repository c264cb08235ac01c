package dev.atelier.network.files;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.atelier.examples.ExampleSpecs;
import dev.atelier.network.Network;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.NetworkSpec;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What studies say of the released teachers is what the teachers' config.json says. */
class StudyTeachersTest {

  /** Of google/ddpm-church-256 and ddpm-celebahq-256: fields beside diffusers' defaults. */
  private static final String DDPM_256 =
      """
      {"_class_name": "UNet2DModel", "sample_size": 256, "attention_head_dim": null,
       "block_out_channels": [128, 128, 256, 256, 512, 512], "layers_per_block": 2,
       "down_block_types": ["DownBlock2D", "DownBlock2D", "DownBlock2D", "DownBlock2D",
         "AttnDownBlock2D", "DownBlock2D"],
       "up_block_types": ["UpBlock2D", "AttnUpBlock2D", "UpBlock2D", "UpBlock2D", "UpBlock2D",
         "UpBlock2D"],
       "downsample_padding": 0, "flip_sin_to_cos": false, "freq_shift": 1, "norm_eps": 1e-6}
      """;

  /** Of Stable Diffusion 1. */
  private static final String SD1 =
      """
      {"_class_name": "UNet2DConditionModel", "sample_size": 64, "attention_head_dim": 8,
       "block_out_channels": [320, 640, 1280, 1280], "cross_attention_dim": 768,
       "layers_per_block": 2}
      """;

  @ParameterizedTest
  @CsvSource({"lsun-church-256, 113673219", "celebahq-256, 113673219"})
  void shouldHaveTheTeachersNetwork(String study, long parameters) throws IOException {
    Network said = said(study);
    assertThat(said.graph()).isEqualTo(read(DDPM_256, 256, 3).graph());
    assertThat(said.parameters()).isEqualTo(parameters);
  }

  /** A pipeline brings its network: the study says its students' alone. */
  @Test
  void shouldHaveStudentsOfStableDiffusionsLevelsWithOneBlockLess() throws IOException {
    ExperimentSpec spec = spec("coco30k");
    Network students =
        Network.of(
            spec.students().network(), spec.dataset().resolution(), spec.dataset().channels());
    Network teacher = read(SD1, 64, 4);
    String fewer = SD1.replace("\"layers_per_block\": 2", "\"layers_per_block\": 1");
    assertThat(teacher.parameters()).isEqualTo(859_520_964);
    assertThat(students.graph()).isEqualTo(read(fewer, 64, 4).graph());
    assertThat(students.graph()).isNotEqualTo(teacher.graph());
  }

  private static Network said(String study) throws IOException {
    ExperimentSpec spec = spec(study);
    return Network.of(
        spec.teacher().network(), spec.dataset().resolution(), spec.dataset().channels());
  }

  private static ExperimentSpec spec(String study) throws IOException {
    return ExampleSpecs.experiments(Path.of("../studies/paper/" + study + ".yaml")).get(0);
  }

  /** A network of latents sees these, so that both have the same graph. */
  private static Network read(String config, int side, int channels) throws IOException {
    JsonNode json = JsonMapper.builder().build().readTree(config);
    NetworkSpec network = DiffusersNetwork.network(json, side, channels, 0);
    return Network.of(network, side, channels);
  }
}
