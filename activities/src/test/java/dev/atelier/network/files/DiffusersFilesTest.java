package dev.atelier.network.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What diffusers itself downloads comes from {@code hub_files_fixture.py}. */
class DiffusersFilesTest {

  private static final Optional<String> ANY = Optional.empty();

  record Case(String name, Optional<String> variant, List<String> names, List<String> taken) {
    @Override
    public String toString() {
      return name;
    }
  }

  static List<Case> cases() throws IOException {
    List<Case> cases = new ArrayList<>();
    for (JsonNode node :
        new ObjectMapper()
            .readTree(Path.of("src/test/resources/network/diffusers-files.json").toFile())) {
      cases.add(
          new Case(
              node.path("case").asText(),
              Optional.of(node.path("variant")).filter(JsonNode::isTextual).map(JsonNode::asText),
              texts(node.path("names")),
              texts(node.path("taken"))));
    }
    return cases;
  }

  private static List<String> texts(JsonNode array) {
    List<String> texts = new ArrayList<>();
    Iterator<JsonNode> nodes = array.elements();
    nodes.forEachRemaining(node -> texts.add(node.asText()));
    return texts;
  }

  @ParameterizedTest
  @MethodSource("cases")
  void shouldTakeWhatDiffusersDownloads(Case of) {
    TreeSet<String> expected = new TreeSet<>(of.taken());
    if (of.names().contains("README.md")) {
      expected.add("README.md"); // it states the licence
    }
    assertThat(DiffusersFiles.choose(of.names(), of.variant())).containsExactlyElementsOf(expected);
  }

  @Test
  void shouldTakeTheMovingAverageAndOnlyTheConfigBesideIt() {
    String weights = "diffusion_pytorch_model.safetensors";
    assertThat(
            DiffusersFiles.choose(
                List.of(
                    "unet/config.json",
                    "unet/" + weights,
                    "unet_ema/config.json",
                    "unet_ema/" + weights,
                    "checkpoint-10/unet/config.json"),
                ANY))
        .containsExactly("unet/config.json", "unet_ema/config.json", "unet_ema/" + weights);
  }

  @Test
  void shouldTakeOneNetworkWithItsScheduler() {
    assertThat(
            DiffusersFiles.choose(
                List.of(
                    "config.json",
                    "diffusion_pytorch_model.safetensors",
                    "diffusion_pytorch_model.bin",
                    "scheduler_config.json",
                    "notes.txt"),
                ANY))
        .containsExactly(
            "config.json", "diffusion_pytorch_model.safetensors", "scheduler_config.json");
  }

  @Test
  void shouldTakeShardsOfOtherNamesAndLeaveThoseOfAnEarlierSave() {
    String index = "unet/diffusion_pytorch_model.safetensors.index.json";
    String shard = "unet/diffusion_pytorch_model-0000%d-of-0000%d.safetensors";
    assertThat(
            DiffusersFiles.choose(
                List.of("unet/config.json", index, "unet/a.safetensors", "unet/b.safetensors"),
                ANY))
        .contains("unet/a.safetensors", "unet/b.safetensors");
    assertThat(
            DiffusersFiles.choose(
                List.of("unet/config.json", index, shard.formatted(1, 1), shard.formatted(1, 3)),
                ANY))
        .containsExactly("unet/config.json", shard.formatted(1, 1), index);
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                DiffusersFiles.choose(
                    List.of(
                        "unet/config.json", index, shard.formatted(1, 3), shard.formatted(3, 3)),
                    ANY))
        .withMessage(
            "the shard '%s' of %s is not there"
                .formatted(shard.formatted(2, 3).substring(5), index));
  }

  @Test
  void shouldSayWhichPartHasSeveralVariantsAndNoOther() {
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                DiffusersFiles.choose(
                    List.of(
                        "unet/config.json",
                        "unet/diffusion_pytorch_model.safetensors",
                        "text_encoder/config.json",
                        "text_encoder/model.bf16.safetensors",
                        "text_encoder/model.fp16.safetensors"),
                    ANY))
        .withMessage(
            "expected text_encoder/model.safetensors or one variant of it, found the variants bf16, fp16 (teacher.variant says which)");
  }
}
