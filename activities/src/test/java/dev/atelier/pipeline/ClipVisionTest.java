package dev.atelier.pipeline;

import static dev.atelier.pipeline.PipelineFixture.assertClose;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.network.tensors.HostTensor;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Against CLIPVisionModelWithProjection of transformers; the fixture: pipeline_fixtures.py. */
class ClipVisionTest {

  @TempDir Path directory;

  @Test
  void shouldEqualTransformersWithAProjection() throws Exception {
    ClipVision vision = ClipVision.read(PipelineFixture.folder("vision"), "", Optional.empty());
    assertThat(vision.width()).isEqualTo(6);
    assertThat(vision.side()).isEqualTo(12);
    check(vision, "image_embeds");
  }

  /** As a CLIPVisionModel of transformers 5 is saved: without the projection and the prefix. */
  @Test
  void shouldEqualTransformersWithoutAProjection() throws Exception {
    Path folder = PipelineFixture.copy("vision", directory.resolve("plain"));
    PipelineFixture.change(
        folder.resolve("model.safetensors"),
        tensors -> {
          tensors.remove("visual_projection.weight");
          Map<String, HostTensor> plain =
              PipelineFixture.renamed(name -> name.replace("vision_model.", "")).apply(tensors);
          plain.put("embeddings.position_ids", HostTensor.zeros(HostTensor.DType.I64, 1, 10));
          return plain;
        });
    ClipVision vision = ClipVision.read(directory.resolve("plain"), "vision", Optional.empty());
    assertThat(vision.width()).isEqualTo(16);
    check(vision, "pooled");
  }

  private void check(ClipVision vision, String expected) throws Exception {
    Map<String, HostTensor> answers = PipelineFixture.answers("vision");
    try (ClipVision.Encoder encoder = vision.load("cpu", directory)) {
      assertClose(encoder.encode(answers.get("pixel_values")), answers.get(expected), 1e-5f);
      assertThatThrownBy(() -> encoder.encode(HostTensor.zeros(HostTensor.DType.F32, 1, 3, 12, 8)))
          .hasMessage("Expected pictures of shape [N, 3, 12, 12], found F32[1, 3, 12, 8].");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '^',
      value = {
        "model_type ^ \"siglip_vision_model\" ^ model_type is \"siglip_vision_model\", supported: \"clip_vision_model\"",
        "patch_size ^ 5 ^ patch_size is 5, supported: a divisor of image_size 12",
        "image_size ^ 8 ^ position_embedding.weight: expected F32[5, 16], found F32[10, 16]",
        "image_size ^ [12, 12] ^ image_size is [12,12], supported: a whole number from 1 to 4096",
      })
  void shouldNameWhatDoesNotFit(String field, String value, String fault) throws Exception {
    PipelineFixture.set(PipelineFixture.copy("vision", directory), field, value);
    assertThatThrownBy(() -> ClipVision.read(directory, "vision", Optional.empty()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("vision/config.json")
        .hasMessageContaining(fault);
  }
}
