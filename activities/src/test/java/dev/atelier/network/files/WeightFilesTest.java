package dev.atelier.network.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Weights are found in every folder of a pipeline as diffusers and transformers find them. */
class WeightFilesTest {

  private static final Optional<String> ANY = Optional.empty();
  private static final Optional<String> FP16 = Optional.of("fp16");

  @TempDir Path root;

  @BeforeEach
  void makeParts() throws IOException {
    Files.createDirectory(root.resolve("unet"));
    Files.createDirectory(root.resolve("text_encoder"));
  }

  private void write(String name, String tensor) throws IOException {
    Files.createDirectories(root.resolve(name).getParent());
    SafetensorsFile.write(
        root.resolve(name), Map.of(tensor, HostTensor.ofFloats(new float[] {1}, 1)), Map.of());
  }

  private void writeIndex(String name, String... shards) throws IOException {
    StringBuilder map = new StringBuilder();
    for (String shard : shards) {
      map.append(map.isEmpty() ? "" : ",").append("\"w%d\":\"%s\"".formatted(map.length(), shard));
    }
    Files.writeString(root.resolve(name), "{\"weight_map\":{" + map + "}}");
  }

  @ParameterizedTest
  @CsvSource({
    "unet, diffusion_pytorch_model",
    "text_encoder, model",
  })
  void shouldTakeTheVariantThatIsAskedForWhenThereAreSeveral(String part, String stem)
      throws IOException {
    write(part + "/" + stem + ".safetensors", "default");
    write(part + "/" + stem + ".fp16.safetensors", "half");
    write(part + "/" + stem + ".non_ema.safetensors", "other");

    assertThat(WeightFiles.of(root, part, stem, ANY).tensors()).containsOnlyKeys("default");
    WeightFiles half = WeightFiles.of(root, part, stem, FP16);
    assertThat(half.tensors()).containsOnlyKeys("half");
    assertThat(half.variant()).isEqualTo(FP16);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> WeightFiles.of(root, part, stem, Optional.of("bf16")))
        .withMessageContaining(
            "the variant bf16 (teacher.variant) of %s/%s.safetensors, found none and the variants fp16, non_ema"
                .formatted(part, stem));
    assertThat(WeightFiles.preferring(root, part, stem, Optional.of("bf16")).tensors())
        .containsOnlyKeys("default");
  }

  @Test
  void shouldTakeTheOnlyVariantWhenThereIsNoOther() throws IOException {
    write("text_encoder/model.fp16.safetensors", "half");
    assertThat(WeightFiles.of(root, "text_encoder", "model", ANY).variant()).isEqualTo(FP16);
    write("text_encoder/model.bf16.safetensors", "other");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> WeightFiles.of(root, "text_encoder", "model", ANY))
        .withMessage(
            "expected text_encoder/model.safetensors or one variant of it, found the variants bf16, fp16 (teacher.variant says which)");
  }

  @ParameterizedTest
  @CsvSource({
    "diffusion_pytorch_model.safetensors.index.json, diffusion_pytorch_model-0000%d-of-00002.safetensors, ",
    "diffusion_pytorch_model.safetensors.index.fp16.json, diffusion_pytorch_model.fp16-0000%d-of-00002.safetensors, fp16",
    "diffusion_pytorch_model.safetensors.fp16.index.json, diffusion_pytorch_model-0000%d-of-00002.fp16.safetensors, fp16",
  })
  void shouldTakeAllShardsThatTheIndexNames(String index, String shard, String variant)
      throws IOException {
    String first = shard.formatted(1);
    String second = shard.formatted(2);
    write("unet/" + first, "a");
    writeIndex("unet/" + index, first, second);
    Optional<String> asked = Optional.ofNullable(variant);

    assertThatIllegalArgumentException()
        .isThrownBy(() -> WeightFiles.of(root, "unet", WeightFiles.DIFFUSERS, asked))
        .withMessage("unet/%s names the shard '%s', which is not there".formatted(index, second));

    write("unet/" + second, "b");
    WeightFiles found = WeightFiles.of(root, "unet", WeightFiles.DIFFUSERS, asked);
    assertThat(found.tensors()).containsOnlyKeys("a", "b");
    assertThat(found.variant()).isEqualTo(asked);
    assertThat(WeightFiles.of(root, "unet", WeightFiles.DIFFUSERS, ANY)).isEqualTo(found);
  }

  @Test
  void shouldNotFollowAnIndexThatLeadsElsewhere() throws IOException {
    write("text_encoder/model.safetensors", "elsewhere");
    for (String shard : new String[] {"../text_encoder/model.safetensors", ".."}) {
      writeIndex("unet/diffusion_pytorch_model.safetensors.index.json", shard);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> WeightFiles.of(root, "unet", WeightFiles.DIFFUSERS, ANY))
          .withMessageContaining("names the shard '%s'".formatted(shard));
    }
  }

  @Test
  void shouldRefuseATensorThatIsInTwoShards() throws IOException {
    write("unet/diffusion_pytorch_model-00001-of-00002.safetensors", "a");
    write("unet/diffusion_pytorch_model-00002-of-00002.safetensors", "a");
    writeIndex(
        "unet/diffusion_pytorch_model.safetensors.index.json",
        "diffusion_pytorch_model-00001-of-00002.safetensors",
        "diffusion_pytorch_model-00002-of-00002.safetensors",
        "diffusion_pytorch_model-00002-of-00002.safetensors");
    WeightFiles files = WeightFiles.of(root, "unet", WeightFiles.DIFFUSERS, ANY);
    assertThat(files.files()).hasSize(2); // one that is named twice is read once
    assertThatIllegalArgumentException()
        .isThrownBy(files::tensors)
        .withMessage(
            "the tensor 'a' is in unet/diffusion_pytorch_model-00001-of-00002.safetensors and in unet/diffusion_pytorch_model-00002-of-00002.safetensors, expected it once");
  }

  @Test
  void shouldSayInALineThatAShardHasNoName() throws IOException {
    writeIndex("unet/diffusion_pytorch_model.safetensors.index.json", "a\\u0000b\\nc");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> WeightFiles.of(root, "unet", WeightFiles.DIFFUSERS, ANY))
        .withMessage(
            "unet/diffusion_pytorch_model.safetensors.index.json names the shard 'a?b', which is not there");
  }

  @ParameterizedTest
  @CsvSource({
    "diffusion_pytorch_model.bin",
    "v1-5-pruned.ckpt",
    "model.onnx",
    "diffusion_flax_model.msgpack",
  })
  void shouldSayWhatIsThereWhenItIsNoSafetensors(String other) throws IOException {
    Files.writeString(root.resolve("unet").resolve(other), "x");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> WeightFiles.of(root, "unet", WeightFiles.DIFFUSERS, ANY))
        .withMessageContaining(
            "only %s (save it again with save_pretrained(…, safe_serialization=True))"
                .formatted(other));
  }
}
