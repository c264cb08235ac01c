package dev.atelier.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.graph.Graph;
import dev.atelier.network.ClosedForm;
import dev.atelier.network.Network;
import dev.atelier.network.TextNetworks;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.pruning.ChannelPruning;
import dev.atelier.network.pruning.ChannelPruning.Criterion;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.NetworkSpec.CrossAttentionSpec;
import dev.atelier.spec.NetworkSpec.TransformerSpec;
import dev.atelier.spec.NetworkSpecBuilder;
import dev.atelier.spec.PruningRule;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Text U-Nets and DiTs cut out of wider ones, against diffusers' cut by {@code pruning_fixture.py},
 * which holds them against the wider ones with the removed channels at zero.
 */
class PrunedTransformersTest {

  private static final HostTensor TIMESTEPS = HostTensor.ofLongs(new long[] {3, 620}, 2);

  @TempDir Path directory;

  /** The networks of the fixture. */
  private enum Kind {
    TEXT_HEADS,
    TEXT_NARROW,
    DIT_HEADS,
    DIT_NARROW;

    Network network(int width, int heads) {
      return switch (this) {
        case TEXT_HEADS -> text(width, heads, true);
        case TEXT_NARROW -> text(width, heads, false);
        case DIT_HEADS, DIT_NARROW -> transformer(width, heads, 2);
      };
    }

    Network teacher() {
      return network(16, 4);
    }

    Network student() {
      return network(8, this == TEXT_HEADS || this == DIT_HEADS ? 2 : 4);
    }

    String file() {
      return "/network/pruned-%s.safetensors"
          .formatted(name().toLowerCase(Locale.ROOT).replace('_', '-'));
    }
  }

  private static Network text(int width, int heads, boolean linear) {
    return Network.of(textSpec(width, heads, linear, 12), 8, 4);
  }

  private static NetworkSpec textSpec(int width, int heads, boolean linear, int context) {
    return TextNetworks.reading(
            NetworkSpecBuilder.builder()
                .levelWidths(Optional.of(List.of(width, width)))
                .resBlocks(1)
                .attentionHeads(heads)
                .groups(Optional.of(width / 4))
                .variant(Optional.of(NetworkSpec.Variant.DIFFUSERS)),
            context,
            7)
        .crossAttention(Optional.of(new CrossAttentionSpec(context, 7, Optional.empty(), linear)))
        .build();
  }

  private static NetworkSpec transformerSpec(int width, int heads, int layers) {
    return NetworkSpec.of(new TransformerSpec(2, layers, heads, width / heads, null, null));
  }

  private static Network transformer(int width, int heads, int layers) {
    return Network.of(transformerSpec(width, heads, layers), 8, 3, 3);
  }

  /** x, perhaps noise, t, and what else the network is told. */
  private static List<HostTensor> question(Network network, boolean withNoise) {
    int channels = network.imageChannels();
    List<HostTensor> question = new ArrayList<>();
    question.add(ClosedForm.tensor(1000, 1, 0, 2, channels, 8, 8));
    if (withNoise) {
      question.add(ClosedForm.tensor(2000, 1, 0, 2, channels, 8, 8));
    }
    question.add(TIMESTEPS);
    Graph.Told told = network.graph().told();
    if (told.classes() > 0) {
      question.add(HostTensor.ofLongs(new long[] {2, 0}, 2));
    }
    told.context()
        .ifPresent(c -> question.add(ClosedForm.tensor(4000, 1, 0, 2, c.columns(), c.width())));
    return question;
  }

  private float[] eps(Network network, Map<String, HostTensor> weights) throws Exception {
    Path archive = directory.resolve("net.pt");
    TorchScriptArchive.write(archive, network.inferenceModule("Net", weights));
    try (TorchModule module = Libtorch.load(archive, "cpu", TorchModule.Mode.INFERENCE)) {
      return module.forward(question(network, false).toArray(HostTensor[]::new)).toFloats();
    }
  }

  private Map<String, float[]> saliency(
      Network teacher, Map<String, HostTensor> weights, Criterion criterion) throws Exception {
    if (criterion == Criterion.MAGNITUDE) {
      return ChannelPruning.magnitudes(weights);
    }
    Map<String, float[]> sums = new LinkedHashMap<>();
    try (TorchModule module = PrunedTeacher.open(teacher, weights, "cpu", directory)) {
      PrunedTeacher.add(
          teacher, weights, PrunedTeacher.gradients(module, question(teacher, true)), sums);
    }
    return sums;
  }

  @ParameterizedTest
  @CsvSource({
    "TEXT_HEADS, MAGNITUDE", "TEXT_HEADS, TAYLOR",
    "TEXT_NARROW, MAGNITUDE", "TEXT_NARROW, TAYLOR",
    "DIT_HEADS, MAGNITUDE", "DIT_HEADS, TAYLOR",
    "DIT_NARROW, MAGNITUDE", "DIT_NARROW, TAYLOR"
  })
  void shouldEqualPyTorchWhenHeadsAndFeedForwardLayersArePruned(Kind kind, Criterion criterion)
      throws Exception {
    Network teacher = kind.teacher();
    Network student = kind.student();
    Map<String, HostTensor> weights = ClosedForm.weights(teacher);
    Map<String, float[]> saliency = saliency(teacher, weights, criterion);
    ChannelPruning pruning = new ChannelPruning(teacher, student);

    float[] found = eps(student, pruning.prune(weights, saliency, criterion, 1000));

    SafetensorsFile fixture =
        SafetensorsFile.read(Path.of(getClass().getResource(kind.file()).toURI()));
    float[] expected = fixture.tensors().get(criterion.name().toLowerCase(Locale.ROOT)).toFloats();
    assertThat(found).hasSameSizeAs(expected);
    for (int i = 0; i < expected.length; i++) {
      assertThat(found[i]).isCloseTo(expected[i], within(1e-5f));
    }
    // Negative control: what counts least is other channels.
    saliency.values().forEach(PrunedTransformersTest::invert);
    float[] wrong = eps(student, pruning.prune(weights, saliency, criterion, 1000));
    double distance = 0;
    for (int i = 0; i < expected.length; i++) {
      distance = Math.max(distance, Math.abs(wrong[i] - expected[i]));
    }
    assertThat(distance).isGreaterThan(0.01);
  }

  private static void invert(float[] values) {
    for (int i = 0; i < values.length; i++) {
      values[i] = 1 / (values[i] + 1e-3f);
    }
  }

  @ParameterizedTest
  @CsvSource({"TEXT_HEADS", "DIT_HEADS"})
  void shouldChangeNothingWhenTheStudentIsAsWideAsTheTeacher(Kind kind) {
    Map<String, HostTensor> weights = ClosedForm.weights(kind.teacher());
    Map<String, HostTensor> pruned =
        new ChannelPruning(kind.teacher(), kind.teacher())
            .prune(weights, ChannelPruning.magnitudes(weights), Criterion.MAGNITUDE, 1000);
    pruned.forEach((name, w) -> assertThat(w.data()).isEqualTo(weights.get(name).data()));
    assertThat(pruned.keySet()).isEqualTo(weights.keySet());
  }

  @Test
  void shouldFitATransformerWhosePositionsAreNoneOfTheTeachers() {
    Network teacher = transformer(48, 4, 2);
    Map<String, HostTensor> weights = ClosedForm.weights(teacher);
    new ChannelPruning(teacher, transformer(36, 3, 2))
        .prune(weights, ChannelPruning.magnitudes(weights), Criterion.MAGNITUDE, 1000);
  }

  @Test
  void shouldSayInOneSentenceWhichTransformersCannotBeCutOut() {
    assertThat(PruningRule.fault(transformerSpec(16, 4, 2), transformerSpec(8, 2, 2), 8)).isEmpty();
    assertThat(PruningRule.fault(transformerSpec(24, 4, 2), transformerSpec(16, 2, 2), 8))
        .contains(
            "must have as many attention heads as the teacher, or heads as wide, to be pruned from it: expected 4 or heads of 6 channels in transformer_blocks.0.attn1, found 2 of 8.");
    assertThat(PruningRule.fault(transformerSpec(16, 4, 2), transformerSpec(8, 2, 1), 8).orElse(""))
        .startsWith(
            "must have the teacher's patchSize, layers and learnedSigma to be pruned from it, found");
    assertThat(PruningRule.fault(textSpec(16, 4, true, 12), textSpec(8, 1, true, 12), 8))
        .contains(
            "must have as many attention heads as the teacher, or heads as wide, to be pruned from it: expected 4 or heads of 4 channels in down_blocks.0.attentions.0.transformer_blocks.0.attn1, found 1 of 8.");
    for (NetworkSpec other :
        List.of(textSpec(8, 4, false, 12), textSpec(8, 4, true, 10), NetworkSpec.ofWidth(8))) {
      assertThat(PruningRule.fault(textSpec(16, 4, true, 12), other, 8).orElse(""))
          .startsWith(
              "must have the teacher's levels, resBlocks, attentionResolutions, blocks, crossAttention and learnedSigma to be pruned from it, found");
    }
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new ChannelPruning(transformer(24, 4, 2), transformer(16, 2, 2)))
        .withMessageContaining("expected 4 heads or heads of 6 channels");
  }
}
