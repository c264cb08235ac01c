package dev.atelier.network;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.network.TrainingModule.Settings;
import dev.atelier.network.TrainingModule.State;
import dev.atelier.network.TrainingModule.TeacherNetwork;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.spec.FeatureLossSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.NetworkSpec.Block;
import dev.atelier.spec.NetworkSpec.BlocksSpec;
import dev.atelier.spec.NetworkSpec.Middle;
import dev.atelier.spec.NetworkSpec.TransformerSpec;
import dev.atelier.spec.NetworkSpecBuilder;
import dev.atelier.spec.TrainingSpec.Precision;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What is computed a second time is bit for bit what would have been kept. */
class RecomputationTest {
  private static final int SIDE = 8;
  private static final int BATCH = 4;

  @TempDir Path directory;

  private static NetworkSpecBuilder unet(double dropout) {
    return NetworkSpecBuilder.builder()
        .channels(8)
        .multipliers(List.of(1, 2))
        .resBlocks(2)
        .groups(Optional.of(4))
        .attentionResolutions(List.of(4))
        .dropout(dropout);
  }

  private static Network texts(double dropout) {
    return Network.of(
        TextNetworks.reading(unet(dropout).attentionResolutions(List.of()).attentionHeads(2), 5, 3)
            .build(),
        SIDE,
        3,
        0);
  }

  private static Network skips() {
    return Network.of(
        unet(0)
            .attentionResolutions(List.of())
            .blocks(
                Optional.of(
                    new BlocksSpec(
                        List.of(Block.SKIP, Block.SKIP),
                        Middle.ATTENTION,
                        List.of(Block.SKIP, Block.SKIP))))
            .build(),
        SIDE,
        3,
        0);
  }

  static Stream<Arguments> networks() {
    Network classes = Network.of(unet(0.3).build(), SIDE, 3, 3);
    Network transformer =
        Network.of(NetworkSpec.of(new TransformerSpec(2, 3, 2, 4, null, true)), SIDE, 3, 3);
    return Stream.of(
        Arguments.of("plain", Network.of(unet(0).build(), SIDE, 3), Precision.FP32),
        Arguments.of("classes and dropout", classes, Precision.FP32),
        Arguments.of("classes and dropout, rounded", classes, Precision.BF16),
        Arguments.of("texts and dropout", texts(0.1), Precision.FP32),
        Arguments.of("skip blocks", skips(), Precision.FP32),
        Arguments.of("transformer", transformer, Precision.FP32));
  }

  @ParameterizedTest
  @MethodSource("networks")
  void shouldTakeTheSameStepsBitForBit(String name, Network network, Precision precision)
      throws Exception {
    Settings settings = PlainSettings.of(0.25, 1, 0.5, 2, precision, NetworkForm.PORTABLE);
    Steps kept = steps(network, settings, 7);
    Steps again = steps(network, PlainSettings.withRecomputing(settings), 7);
    assertThat(again.figures).usingRecursiveComparison().isEqualTo(kept.figures);
    assertThat(again.state).isEqualTo(kept.state);
    assertThat(again.gradients).isEqualTo(kept.gradients);
    // Negative control: another seed drops other units.
    if (name.contains("dropout")) {
      assertThat(steps(network, PlainSettings.withRecomputing(settings), 8).figures.get(0))
          .isNotEqualTo(kept.figures.get(0));
    }
  }

  static Stream<Arguments> features() {
    return Stream.of(
            new FeatureLossSpec(
                FeatureLossSpec.Kind.HINT, null, List.of(FeatureLossSpec.MID, "up.0", "up.1")),
            new FeatureLossSpec(
                FeatureLossSpec.Kind.RELATIONAL_SPATIAL,
                null,
                List.of("up.0", FeatureLossSpec.EPS)))
        .flatMap(f -> Stream.of(Arguments.of(f, Precision.FP32), Arguments.of(f, Precision.BF16)));
  }

  @ParameterizedTest
  @MethodSource("features")
  void shouldCompareTheSameFeaturesBitForBit(FeatureLossSpec feature, Precision precision)
      throws Exception {
    Network network = texts(0.1);
    Settings settings =
        new Settings(
            0.25,
            0,
            0.999,
            1,
            0.5,
            2,
            precision,
            NetworkForm.PORTABLE,
            feature,
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            false);
    Steps kept = steps(network, settings, 7);
    Steps again = steps(network, PlainSettings.withRecomputing(settings), 7);
    assertThat(again.figures).usingRecursiveComparison().isEqualTo(kept.figures);
    assertThat(again.state).isEqualTo(kept.state);
    assertThat(again.gradients).isEqualTo(kept.gradients);
    assertThat(kept.figures.get(0)[4]).isPositive();
  }

  /** What two steps say, all tensors that they change, and gradients after them. */
  private record Steps(
      List<double[]> figures, List<List<Float>> state, List<List<Float>> gradients) {}

  private Steps steps(Network network, Settings settings, long seed) throws Exception {
    Map<String, HostTensor> weights = ClosedForm.weights(network);
    Map<String, HostTensor> trained = new LinkedHashMap<>(weights);
    if (settings.feature().wanted()) {
      FeatureLoss feature = new FeatureLoss(settings.feature(), network, network);
      trained.putAll(feature.initialise(network, new SeededRandom(2)));
    }
    Map<String, HostTensor> zeros = new LinkedHashMap<>();
    trained.forEach((k, v) -> zeros.put(k, HostTensor.zeros(v.dtype(), v.shape())));
    Path archive = directory.resolve("training.pt");
    TorchScriptArchive.write(
        archive,
        TrainingModule.of(
            network,
            new State(trained, weights, zeros, zeros),
            settings,
            Optional.of(new TeacherNetwork(network, network.initialise(new SeededRandom(3))))));
    long[] shape = {BATCH, 3, SIDE, SIDE};
    List<HostTensor> lesson =
        new ArrayList<>(
            List.of(
                ClosedForm.tensor(0, 1, 0, shape),
                ClosedForm.tensor(1, 1, 0, shape),
                HostTensor.ofLongs(new long[] {3, 250, 777, 999}, BATCH)));
    if (network.conditional()) {
      lesson.add(HostTensor.ofLongs(new long[] {2, 0, 2, 1}, BATCH));
    }
    network
        .graph()
        .told()
        .context()
        .ifPresent(c -> lesson.add(ClosedForm.tensor(4, 1, 0, BATCH, c.columns(), c.width())));
    try (TorchModule module = Libtorch.load(archive, "cpu", TorchModule.Mode.TRAINING)) {
      List<double[]> figures = new ArrayList<>();
      for (int step = 1; step <= 2; step++) {
        List<HostTensor> inputs = new ArrayList<>(lesson);
        inputs.add(HostTensor.ofDoubles(new double[] {1e-3, 0.9}, 2));
        inputs.add(HostTensor.ofLongs(new long[] {step, seed}, 2));
        figures.add(module.run("teach_step", inputs.toArray(HostTensor[]::new)).get(0).toDoubles());
      }
      List<List<Float>> state = new ArrayList<>();
      for (String part : List.of("weights", "ema", "exp_avg", "exp_avg_sq")) {
        state.addAll(floats(module.run(part)));
      }
      return new Steps(
          figures, state, floats(module.run("gradients", lesson.toArray(HostTensor[]::new))));
    }
  }

  private static List<List<Float>> floats(List<HostTensor> tensors) {
    List<List<Float>> all = new ArrayList<>();
    for (HostTensor tensor : tensors) {
      List<Float> values = new ArrayList<>();
      for (float value : tensor.toFloats()) {
        values.add(value);
      }
      all.add(values);
    }
    return all;
  }
}
